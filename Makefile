# Everything a fresh machine needs: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test check pages clean

run: .venv/installed
	$(BIN)/python runner.py

test: .venv/installed-dev
	$(BIN)/python -m pytest

check: .venv/installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@

# What tests/test_pages.py needs beside Chromium: an HTML validator and an accessibility checker.
pages: tests/pages/node_modules

tests/pages/node_modules: tests/pages/package.json
	cd tests/pages && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --silent
	touch $@

clean:
	rm -rf .venv
