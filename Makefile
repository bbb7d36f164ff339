# One door: `make help` lists what is behind it.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

.PHONY: help demo test check fix slow
help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(STAMP) ## set everything up, count on a sample shelf, leave a picture
	$(BIN)/shelf demo

test: $(STAMP) ## set everything up, run the tests
	$(BIN)/python -m pytest

slow: $(STAMP) ## run the tests that take minutes
	$(BIN)/python -m pytest -m slow

check: $(STAMP) ## style, import order, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(STAMP) ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
