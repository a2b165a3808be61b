# Needs Python 3.10 to 3.13 and make; everything else is installed into .venv.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export PYTHONPATH := $(CURDIR):$(CURDIR)/plugins
STAMP := .venv/.installed

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): requirements.lock
	@echo "Installing into .venv (once; about a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13) and "Python 3.10 to 3.13 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.8,<1"
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.lock
	@touch $@

venv: $(STAMP)  ## install everything into .venv

demo: $(STAMP)  ## a real Airflow in which real things go wrong; stays up until Ctrl-C
	@exec $(BIN)/python -m demo

demo-once: $(STAMP)  ## the same, checked, and ended
	@exec $(BIN)/python -m demo --once

test: $(STAMP)  ## all tests that this machine can run; make test ARGS=tests/core runs some
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	@$(MAKE) --no-print-directory --jobs=3 test-of-processes test-of-servers test-in-process
endif

# Beside each other: while some wait for Airflow's processes, the others compute. Their output by whole lines.
OF_PROCESSES := tests/e2e
OF_SERVERS := tests/intake tests/web

test-of-processes: $(STAMP)
	$(BIN)/python -m pytest $(OF_PROCESSES) 2>&1 | sed -u ""

test-of-servers: $(STAMP)
	$(BIN)/python -m pytest $(OF_SERVERS) 2>&1 | sed -u ""

test-in-process: $(STAMP)
	$(BIN)/python -m pytest $(addprefix --ignore=,$(OF_PROCESSES) $(OF_SERVERS)) 2>&1 | sed -u ""

lint: $(STAMP)  ## style, types, and the walls between the rooms
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml

bench: $(STAMP)  ## make bench NAME=listener
	@test -n "$(NAME)" || { echo "which one? make bench NAME=listener"; exit 2; }
	$(BIN)/python -m bench.$(NAME)

score: $(STAMP)  ## how well the rules do on labeled failures: make score ARGS=--wrong
	$(BIN)/python -m bench.score $(ARGS)

eval: $(STAMP)  ## how well analyses do on cases: make eval ARGS="--wrong --gemini --runs 3", Gemini by AIRFLOW_CONN_RCA_GEMINI
	$(BIN)/python -m tests.eval $(ARGS)

docs: $(STAMP)  ## make docs/options.md again
	$(BIN)/python -m rca_plugin options > docs/options.md

wheel: $(STAMP)  ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

lock: $(STAMP)  ## pin everything again
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --group pyproject.toml:dev requirements.txt -o requirements.lock --no-annotate --custom-compile-command "make lock"

.PHONY: help venv demo demo-once test test-of-processes test-of-servers test-in-process lint bench score eval docs wheel lock
