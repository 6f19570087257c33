# Every task of this repository. `make demo` and `make test` need nothing but git, make and Python 3.11.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
RUN_READY := .venv/.ready-run
DEV_READY := .venv/.ready-dev

.PHONY: help demo test check format lint types bench chaos collector boards screenshots lock reference docs changelog build clean

help: ## List the tasks
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(RUN_READY) ## Run sample engines against a live ledger and print what they cost
	@$(BIN)/spanledger demo

test: $(DEV_READY) ## Run the whole test suite
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

check: $(DEV_READY) lint types test ## Format, lint, types and tests: what must be green before a commit

format: $(DEV_READY) ## Rewrite the sources in the one format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	@requirements/javascript/check.sh --write

lint: $(DEV_READY) ## Format, lint, import direction, price rows and the dashboard's scripts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/spanledger prices check
	@requirements/javascript/check.sh

types: $(DEV_READY) ## mypy and pyright, both strict
	@$(BIN)/mypy
	@$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(DEV_READY) ## Measure speed and memory on this machine
	@for benchmark in ingest freshness alert_latency reports ledger_size record_bytes readers clickhouse_port bursts engine_overhead wrapper_overhead; do \
	  echo "$$benchmark"; $(BIN)/python benchmarks/$$benchmark.py; done

chaos: $(DEV_READY) ## Kill the collector again and again and recount
	@$(BIN)/python -m tests.chaos.kill_and_recount --trials 200

collector: ## Build the OpenTelemetry Collector distribution (needs Go)
	@collector/build.sh

boards: $(DEV_READY) ## Write Grafana's boards and alert rules from their code
	@cd grafana && ../$(BIN)/python -m boards

screenshots: $(DEV_READY) ## Take the pictures of the dashboard anew (needs Chromium)
	@$(BIN)/python -m tests.dashboard.screenshots

lock: $(DEV_READY) ## Resolve the dependencies anew into requirements/
	@requirements/lock.sh

reference: $(DEV_READY) ## Write the reference pages from what they describe
	@$(BIN)/python -m documentation

docs: reference ## Build the documentation's site into .cache/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

changelog: $(DEV_READY) ## Gather the fragments of changes/ for a release: make changelog VERSION=1.2.3
	@$(BIN)/towncrier build --yes --version $(VERSION)

build: $(DEV_READY) ## Build the wheel and the source distribution
	@$(BIN)/uv build --offline --no-build-isolation

clean: ## Remove everything that the other tasks made
	@rm -rf .venv .cache .demo dist collector/build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(RUN_READY): requirements/run.txt requirements/install.sh pyproject.toml
	@requirements/install.sh run

$(DEV_READY): requirements/dev.txt requirements/install.sh pyproject.toml
	@requirements/install.sh dev
