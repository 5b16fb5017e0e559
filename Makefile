# `make demo` and `make test` do all the set-up: a private environment under .venv, then their work.
PYTHON ?= python3
BIN := .venv/bin
NOX := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/nox --no-venv
.PHONY: demo test lint docs clean

demo: .venv/demo
	@$(BIN)/taskkit demo

test: .venv/dev
	@$(BIN)/python tools/servers.py || true  # tests that need what is still missing are skipped, or fail in CI
	@$(BIN)/python -m pytest -n auto --maxprocesses 8

lint: .venv/dev
	@$(NOX) -s lint types docs

docs: .venv/dev
	@$(NOX) -s docs
	@echo "taskkit: read docs/_build/html/index.html"

.venv/demo .venv/dev: .venv/%: pyproject.toml tools/environment.py
	@$(PYTHON) tools/environment.py $*

clean:
	rm -rf .venv .nox build dist docs/_build
