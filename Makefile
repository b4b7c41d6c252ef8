# Everything a developer types. `make demo` and `make test` do all the set-up from a fresh clone.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
UV := .tools/bin/uv
ARGS ?=
# Tests wait more than they work: three workers kept two cores at 84 %. WORKERS=0 runs them one by one.
WORKERS ?= 4
# Tests start hundreds of programs of Lifeboat's: where this machine has Python keep no bytecode, each would compile all of it anew.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup images demo server server-stop test check fix unit bench lock clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.ready: requirements.lock pyproject.toml
	@python=$$(command -v python3.11 || command -v python3); \
	$$python -c 'import ensurepip' 2>/dev/null || { echo "setup: installing python3-venv"; apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null; }; \
	[ -x $(UV) ] || { $$python -m venv .tools && .tools/bin/pip install --quiet --disable-pip-version-check uv; }; \
	[ -x $(BIN)/python ] || $(UV) venv --quiet --python $$python $(VENV)
	@# The lock carries hashes and no address: packages come from whatever registry this machine uses, and are what was locked.
	@$(UV) pip sync --quiet --python $(BIN)/python --compile-bytecode --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

setup: $(VENV)/.ready ## Install the Python environment, restic and Docker where they are missing
	@deployments/machine/setup.sh

images: setup ## Make the container images present (built from Debian packages where no registry has them)
	@deployments/images/build.sh

demo: setup ## A whole rehearsal on this machine: back up, write on, restore, prove, and catch a damaged copy
	@$(BIN)/lifeboat demo $(ARGS)

server: setup ## A Prefect server of your own: work pools, workers, every deployment (LIFEBOAT_CONFIG, LIFEBOAT_SERVER_PORT)
	@deployments/server/server.sh start

server-stop: ## Stop that server and its workers
	@deployments/server/server.sh stop

test: images ## Every test, on real servers in Docker
	@deployments/machine/test-tools.sh
	@CI=$${CI:-} $(PYTEST) -n $(WORKERS) --dist loadscope --no-loadscope-reorder --durations=15 $(ARGS)

unit: $(VENV)/.ready ## The tests that need no Docker, without the few that are long, and with fewer examples: a minute
	@$(PYTEST) -q -n 2 -m 'not long' --hypothesis-profile=quick tests/unit $(ARGS)

check: $(VENV)/.ready ## Format, lint, types, layers (read-only; what CI runs first; the unit tests are `make unit`)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache >/tmp/lifeboat-lint-imports.$$$$ 2>&1 || { cat /tmp/lifeboat-lint-imports.$$$$; rm -f /tmp/lifeboat-lint-imports.$$$$; exit 1; }; rm -f /tmp/lifeboat-lint-imports.$$$$

fix: $(VENV)/.ready ## Format and repair what the linter can
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: images ## Speed as ratios, side by side in one run (BENCH_GB=1)
	@$(BIN)/python -m tests.bench

lock: ## Compile requirements.lock anew (hashes, no address)
	@$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
	  --group dev pyproject.toml --output-file requirements.lock

clean: ## Remove the environment and caches (keeps images)
	@rm -rf $(VENV) .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info build
