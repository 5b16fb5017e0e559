import pytest

# the contracts stand in modules that pytest takes for no tests; their asserts should tell as much as those of tests
pytest.register_assert_rewrite("tests.storage.contracts", "tests.storage.contract")
