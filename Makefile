# Each target does its own set-up: a virtual environment in .venv, made with whatever the machine has.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
MARKER_RUN := $(VENV)/.installed
MARKER_DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help demo test lint types unit bench chaos run readme clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(MARKER_RUN) ## play the whole story on this machine; no account, no token, no network
	@$(BIN)/python -m bot demo

run: $(MARKER_RUN) ## run the bot with the settings in .env
	@$(BIN)/python -m bot

test: lint types unit ## everything that has to hold: lint, format, types, tests

lint: $(MARKER_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(MARKER_DEV)
	$(BIN)/mypy

# One more than there are processors: many tests wait for processes of their own.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

unit: $(MARKER_DEV)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

bench: $(MARKER_DEV) ## measure the budgets, each against a baseline in the same run
	@$(BIN)/python -m tests.bench

ROUNDS ?= 100
SEED ?=

chaos: $(MARKER_DEV) ## kill the bot at every moment and compare the books: ROUNDS=100 SEED=any
	@$(BIN)/python -m tests.chaos --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

readme: $(MARKER_DEV) ## put the demo's output and pictures, as they really are, into the README
	@$(BIN)/python -m tests.readme

clean: ## remove what was made here
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A bare Debian has python3 without ensurepip: then pip comes from the package python3-venv, which is
# installed if we may, and named if we may not.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; say which with make PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; \
		else \
			echo "Python's venv module is missing: sudo apt-get install python3-venv"; exit 1; \
		fi; \
		$(PYTHON) -m venv $(VENV); }

$(MARKER_RUN): pyproject.toml | $(BIN)/python
	@echo "Installing what the bot needs into $(VENV) ..."
	@$(PIP) install -e .
	@touch $@

$(MARKER_DEV): pyproject.toml | $(BIN)/python
	@echo "Installing what the bot and its tests need into $(VENV) ..."
	@$(PIP) install -e '.[dev]'
	@touch $@ $(MARKER_RUN)
