# make chat: talk in the terminal · make test: all tests · make check: format, lint, types, import rules
# make licences: of everything that is shipped
# Each makes .venv by itself; where uv is not installed it is put into .cache first.

PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv 2>/dev/null),.cache/uv/bin/uv)
SYNC = $(UV) sync --quiet --locked --python $(PYTHON) </dev/null >&2

.PHONY: chat test check format licences clean
.SILENT:

chat: $(UV)
	$(SYNC) --inexact --no-group dev
	.venv/bin/hathi chat

test: $(UV)
	$(SYNC)
	.venv/bin/python -m tests.mastra.node >&2 || test -z "$$CI"
	.venv/bin/python -m pytest -n 5 --dist worksteal --cov --cov-report=term

check: $(UV)
	$(SYNC)
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports

format: $(UV)
	$(SYNC)
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

licences: $(UV)
	$(SYNC)
	.venv/bin/python -m tests.licences

clean:
	rm -rf .venv .cache .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

.cache/uv/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hathi needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	echo "installing uv $(UV_VERSION) into .cache/uv" >&2
	$(PYTHON) -m venv .cache/uv </dev/null >&2
	.cache/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) </dev/null >&2
