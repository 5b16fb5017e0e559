"""The hooks: what their docstrings promise, and the complete plug-in at the end of each."""

from __future__ import annotations

import inspect
import io
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from taskkit.errors import BrokenPlugin
from taskkit.facts import Fact
from taskkit.keyrings import Keyring
from taskkit.plugins import Plugins, StorageKind, fill, form, specs
from taskkit.plugins._contracts import HOOKS
from taskkit.storage import Storage

SPECS: dict[str, Callable[..., Any]] = {name: value for name, value in vars(specs).items() if hasattr(value, "taskkit_spec")}
EXAMPLE = re.compile(r"A complete plug-in::\n\n(.*)\Z", re.DOTALL)


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that one of them reads."""
    Keyring.generate("2026").write_file(tmp_path / "keys")
    monkeypatch.setenv("ACME_KEYS", str(tmp_path / "keys"))


def example(hook: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The plug-in at the end of a docstring, as a module that somebody copied it into."""
    found = EXAMPLE.search(inspect.getdoc(SPECS[hook]) or "")
    assert found, hook
    module = ModuleType(f"copied_{hook}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(textwrap.dedent(found[1]), vars(module))  # noqa: S102  the example is what is tested
    return module


def offered(hook: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    (offer,) = Plugins([example(hook, monkeypatch)], guests=False, discover=False).offered()
    assert offer.plugin == f"copied_{hook}"
    return offer.offered


def test_the_hooks_are_plural_nouns_in_the_order_of_the_kinds() -> None:
    assert tuple(SPECS) == HOOKS
    kinds = ("executors", "scripts", "policies", "exporters", "notifiers", "reports", "storages", "keyrings")
    assert [f"taskkit_{kind}" for kind in kinds] == list(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_says_what_to_offer_when_it_is_asked_and_what_holds_after_a_crash(hook: str) -> None:
    said = inspect.getdoc(SPECS[hook]) or ""
    assert said.startswith("Offer ")
    assert "Asked once, at start." in said
    assert "After a crash" in said


@pytest.mark.parametrize("hook", HOOKS)
def test_the_plugin_in_the_docstring_is_complete(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered(hook, monkeypatch) is not None


@pytest.mark.parametrize("hook", ["taskkit_scripts", "taskkit_policies"])
def test_a_form_can_be_built_of_the_examples(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = offered(hook, monkeypatch)
    asked = {setting.name: "x" for setting in form(made).settings if setting.required}
    assert isinstance(fill(made, asked), made)


def test_the_exporter_in_the_docstring_writes_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    to = io.BytesIO()
    assert offered("taskkit_exporters", monkeypatch).export([Fact("JobFailed", 0), Fact("JobStarted", 1)], to) == 2
    assert to.getvalue() == b"JobFailed\nJobStarted\n"


def test_the_notifier_in_the_docstring_tells(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    offered("taskkit_notifiers", monkeypatch).notify([Fact("JobFailed", 0, task="rotate")])
    assert capsys.readouterr().out == "JobFailed rotate\n"


def test_the_storage_in_the_docstring_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = offered("taskkit_storages", monkeypatch)
    assert isinstance(kind, StorageKind)
    assert isinstance(kind.open("scratch:"), Storage)


def test_the_keyring_in_the_docstring_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert offered("taskkit_keyrings", monkeypatch).ids == ("2026",)
    (tmp_path / "keys").chmod(0o644)
    with pytest.raises(BrokenPlugin, match="its mode is 0644") as caught:
        offered("taskkit_keyrings", monkeypatch)
    assert caught.value.tried == "asking plug-in 'copied_taskkit_keyrings' for taskkit_keyrings"


def test_a_hook_without_an_implementation_answers_nothing_by_itself() -> None:
    for hook in SPECS.values():
        with pytest.raises(NotImplementedError):
            hook()
