# Every target says what it does in `make help`.
.DEFAULT_GOAL := help
.PHONY: help setup lock demo test check kafka faults fuzz histories bench docs

PYTHON ?= python3
BIN := .venv/bin

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/installed ## Makes .venv from the lock file, every package checked by its hash

.venv/installed: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation --editable .
	@touch $@

lock: ## Makes the lock files anew from pyproject.toml (needs uv)
	uv pip compile --quiet $(LOCK) --output-file requirements.lock pyproject.toml
	uv pip compile --quiet $(LOCK) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate

demo: setup ## Shows the gate at work on embedded parts; nothing but Python is needed
	$(BIN)/gatekeeper demo

test: setup ## Runs all tests, two files side by side, on a real Kafka and a real PostgreSQL (needs Java 17 and Maven)
	$(BIN)/pytest --numprocesses 2 --dist loadfile

check: setup ## Lints, formatting, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

kafka: setup ## Runs a real Apache Kafka on 127.0.0.1 until Ctrl-C and says where
	$(BIN)/python -m tests.real.broker

faults: setup ## Kills workers, broker and database under load and counts what went wrong: make faults N=200 SEED=1
	$(BIN)/python -m tests.faults $(if $(N),--number $(N)) $(if $(SEED),--seed $(SEED))

fuzz: setup ## Tries the whole document of the API by schemathesis, for longer than the tests do: make fuzz SECONDS=600 SEED=1
	FUZZ_SECONDS=$(or $(SECONDS),600) FUZZ_SEED=$(or $(SEED),1) $(BIN)/pytest tests/api/test_fuzz.py

histories: setup ## Tries more long random histories of the ledger than the tests do: make histories N=200
	HISTORIES=$(or $(N),200) $(BIN)/pytest --numprocesses 2 tests/gate/test_long_histories.py tests/gate/test_balance.py tests/gate/test_balance_of_others.py

bench: setup ## Measures the gate beside the bare loop and Quix Streams, on the real broker
	$(BIN)/python -m tests.bench

docs: setup ## Writes the generated documents anew
	@set -e; for module in $(subst /,.,$(basename $(wildcard */documents.py */*/documents.py))); do \
		echo "$(BIN)/python -m $$module"; $(BIN)/python -m $$module; done
