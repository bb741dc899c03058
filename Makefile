# Everything a developer or a CI job runs. `make help` lists it.
# Needs: Python >= 3.11 with venv, make. All else is installed into .venv from hash-locked lists.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# A finished installation leaves a stamp; a newer input makes that step run again.
RUNTIME := $(VENV)/.runtime
DEVELOP := $(VENV)/.develop
CONFORMANCE := .venv-conformance/.complete
FOCUS := .venv-focus/.complete
RELEASE := .venv-release/.complete
PICTURES := .venv-pictures/.complete
# The lists are complete: nothing is left to resolve, so a newer release never gets in.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps

# Tests spend half their time waiting for processes and timers: three at once keep two cores busy.
JOBS := 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test prometheus pytest coverage check conformance soak failures dashboards pictures bench lock clean
.PHONY: sbom audit

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(DEVELOP) ## create .venv and install everything, locked by hash

# What a user's installation has, and no more: `make demo` shows that it is enough.
$(RUNTIME): requirements/runtime.txt requirements/build.txt pyproject.toml tools/find-python
	@python=$$(tools/find-python) || exit 1; \
	  $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "creating $(VENV) with $$python"; "$$python" -m venv --clear $(VENV); }
	@echo "installing requirements/runtime.txt"
	@$(INSTALL) --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(INSTALL) --no-build-isolation -e .
	@touch $@

$(DEVELOP): requirements/dev.txt $(RUNTIME)
	@echo "installing requirements/dev.txt"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(RUNTIME) ## a first video on the simulated providers, from nothing
	@$(BIN)/greenlight demo

test: setup prometheus check pytest coverage ## everything the project checks, from nothing

# Dashboards and alerts are tested with a real one. Where it may not be installed these tests are
# skipped with that reason; under CI they fail.
prometheus: ## install Prometheus where that may be done
	@command -v prometheus >/dev/null && command -v promtool >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  { echo "installing prometheus"; apt-get update -qq >/dev/null && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null; } || \
	  echo "prometheus is not here and was not installed: its tests are skipped"; }

pytest: setup ## the tests alone, e.g. make pytest ARGS="tests/domain -x"
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --cov --cov-report= $(ARGS)

coverage: ## hold the last `make pytest` to the limits
	@$(BIN)/python -m coverage report --include='proxy/domain/*,proxy/gateway/*' --fail-under=100
	@$(BIN)/python -m coverage report --fail-under=90

check: setup ## format, lint, types, layers, spelling, Dockerfile and the shipped configuration
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose*.yaml
	@$(BIN)/greenlight check

# The vendors' SDKs weigh 275 MB, what a release is described with 35 packages: they get
# environments of their own, never .venv.
$(CONFORMANCE) $(RELEASE) $(PICTURES): .venv-%/.complete: requirements/%.txt tools/find-python
	@python=$$(tools/find-python) || exit 1; \
	  echo "creating $(@D) with $$python"; "$$python" -m venv --clear $(@D)
	@echo "installing $<"
	@$(@D)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps \
	  --require-hashes -r $<
	@touch $@

conformance: $(CONFORMANCE) ## the vendors' own SDKs, all of them, against the simulator
	@$(<D)/bin/python -m pytest -rs tests/conformance $(ARGS)

# The validator of FOCUS 1.0 wants numpy 1 and weighs 0.4 GB. Two of its packages come as source.
$(FOCUS): requirements/focus.txt requirements/focus-build.txt tools/find-python
	@python=$$(tools/find-python) || exit 1; \
	  echo "creating $(@D) with $$python"; "$$python" -m venv --clear $(@D)
	@echo "installing requirements/focus.txt"
	@for list in focus-build focus; do \
	  $(@D)/bin/python -m pip --disable-pip-version-check --quiet install --no-deps \
	    --no-build-isolation --require-hashes -r requirements/$$list.txt || exit 1; \
	done
	@touch $@

soak: setup $(FOCUS) ## what takes too long for every change
	@FOCUS_VALIDATOR=$(dir $(FOCUS))bin/focus-validator \
	  $(BIN)/python -m pytest -rs tests/conformance/test_focus_validator.py
	@$(BIN)/python -m pytest -s tests/soak/ten_thousand.py
	@$(BIN)/python -m pytest -s tests/soak/every_fault.py
	@MACHINE_EXAMPLES=$${MACHINE_EXAMPLES:-4000} $(BIN)/python -m pytest --timeout 0 tests/store/test_money_machine.py

dashboards: setup ## write deploy/grafana/dashboards from their sources
	@$(BIN)/python tools/dashboards.py

pictures: dashboards $(PICTURES) ## draw the dashboards into docs/dashboards from a real Prometheus
	@$(dir $(PICTURES))bin/python -m pip --disable-pip-version-check --quiet install --no-deps \
	  --require-hashes -r requirements/build.txt
	@$(dir $(PICTURES))bin/python -m pip --disable-pip-version-check --quiet install --no-deps \
	  --no-build-isolation -e .
	@$(dir $(PICTURES))bin/python -m tests.deploy.pictures $(ARGS)

failures: setup ## write docs/failures.md from the failure table
	@$(BIN)/python -m tests.system.failure_page

sbom: $(RELEASE) ## dist/greenlight-proxy.cdx.json: what an installation holds, with licences
	@tools/sbom

audit: $(RELEASE) ## ask about known vulnerabilities of what an installation holds
	@$(<D)/bin/python tools/audit.py $(<D)/bin/pip-audit requirements/runtime.txt

bench: setup ## admissions per second and bytes per job
	@$(BIN)/python -m bench

lock: ## renew requirements/*.txt from pyproject.toml (UPGRADE=1: newest releases)
	@tools/lock

clean: ## remove what the commands above made
	rm -rf $(VENV) .venv-conformance .venv-focus .venv-release .venv-pictures build dist .coverage .coverage.*
	rm -rf .hypothesis .import_linter_cache
	rm -rf .mypy_cache .pytest_cache .ruff_cache .greenlight
	find proxy tests bench -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
