# The commands of the house. `make help` lists them. Needs Python 3.11 or newer (with venv) and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CHECKOUT := $(CURDIR)
# Tests and the crash suite start hundreds of processes: with compiled modules each is there in less than half the time.
unexport PYTHONDONTWRITEBYTECODE
# Half of the time of all tests is waiting for processes, brokers and leases: two workers more than cores fill it.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)')
.DEFAULT_GOAL := help
.PHONY: postgres postgres-stop kafka-stop stack stack-stop crash help demo test unit lint format bench messages pictures schemas migration lock wheel clean kafka

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-11s %s\n", $$1, $$2}'

# -- environments ---------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Tribune needs Python 3.11 or newer; this is $$($(PYTHON) --version). Name another: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt $(BIN)/python
	@echo "Installing locked dependencies ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python tools/link_checkout.py
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# -- using it -------------------------------------------------------------------------------------

demo: $(VENV)/.run ## The whole way of an event with the sample organisation, then the desk (ONCE=1: no desk)
	@$(BIN)/python -m tribune demo $(if $(ONCE),--once)

kafka: ## Start a real Apache Kafka on 127.0.0.1:19092 (Java 17 and Maven; data in var/kafka)
	@tools/kafka/start.sh

kafka-stop: ## Stop it; its data stays
	@tools/kafka/stop.sh

postgres: $(VENV)/.dev ## Start a PostgreSQL on a socket in var/postgres (the machine's own, else a package's) and print its address
	@$(BIN)/python -m tools.postgres start

postgres-stop: $(VENV)/.dev ## Stop it; its data stays
	@$(BIN)/python -m tools.postgres stop

stack: $(VENV)/.dev ## Kafka, PostgreSQL, a mail sink and two of each role as processes, in var/stack (EMBEDDED=1: on SQLite)
	@$(BIN)/python -m tools.stack up $(if $(EMBEDDED),--embedded)

stack-stop: $(VENV)/.dev ## Stop the stack; its data stays
	@$(BIN)/python -m tools.stack stop

# -- working on it --------------------------------------------------------------------------------

test: $(VENV)/.dev ## Every test; what needs a missing part is skipped with its reason (with CI=true: fails)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

unit: $(VENV)/.dev ## The unit tests: no sockets, under 30 seconds
	@$(BIN)/python -m pytest tests/unit -n auto $(ARGS)

lint: $(VENV)/.dev ## ruff, ruff format, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## Put the code into its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

ROUNDS ?= 100
MAILS ?= 100000
crash: $(VENV)/.dev ## Kill processes at random while mails flow, and count (ROUNDS: kills; ROUNDS=20 MAILS=0: short; ON=embedded|real)
	@$(BIN)/python -m tools.crash --rounds $(ROUNDS) --mails $(MAILS) --on $(or $(ON),both) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: $(VENV)/.dev ## Measure, and print a table
	@$(BIN)/python -m bench

pictures: $(VENV)/.dev ## Take the pictures of docs/images anew from the demo (needs chromium)
	@$(BIN)/python -m tools.pictures

messages: $(VENV)/.dev ## Extract texts into the catalogues of locales/ (then translate what is new)
	@$(BIN)/python tools/messages.py

schemas: $(VENV)/.dev ## Write docs/events.md, docs/schemas and docs/openapi.json from the code
	@$(BIN)/python -m tribune events schemas
	@$(BIN)/python -m tribune api description

migration: $(VENV)/.dev ## A new migration from the difference between tables and migrations: make migration NAME=add_x
	@$(BIN)/python tools/new_migration.py "$(NAME)"

lock: $(BIN)/python ## Resolve the dependencies anew into requirements/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements/run.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt

wheel: $(VENV)/.dev ## Build the wheel into dist/
	@$(BIN)/python -m build --no-isolation --wheel

clean: ## Remove what was built
	@rm -rf $(VENV) dist build var .mypy_cache .ruff_cache .import_linter_cache
