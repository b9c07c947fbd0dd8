# `make demo` and `make test` set everything up and run; both are safe to repeat.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A download that fails is repeated, so that a slow registry does not fail a build.
export PIP_RETRIES ?= 10
export PIP_DEFAULT_TIMEOUT ?= 60
# Tests run side by side: most of their time is spent waiting for real clusters.
E2E_JOBS ?= 3

.DEFAULT_GOAL := help
.PHONY: differential help setup dev demo check test lint unit e2e sabotage test-kind clean

help:  ## Say what can be made
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "harness needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Use: make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "python3-venv is missing. Install it with: sudo apt-get install -y python3-venv"; exit 2; }
	@echo "set-up: Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# pip says nothing, or hundreds of lines. Show the large downloads and the last step; errors are on stderr.
define install
{ $(BIN)/python -m pip install --progress-bar off --constraint constraints.txt --editable '$(1)'; echo "exit $$?"; } | \
  awk '/^exit / {code = $$2} /^ *Downloading .*(MB|GB)/ {sub(/^ */, "  "); print} \
       /^Installing collected/ {print "  Installing " NF - 3 " packages"} {fflush()} END {exit code}'
endef

$(VENV)/.runtime: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "set-up: dependencies, as pinned in constraints.txt"
	@$(call install,.[all])
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "set-up: tools for the tests"
	@$(call install,.[dev])
	@touch $@

# nginx is looked for every time, since its cache may have been cleared; that takes milliseconds.
setup: $(VENV)/.runtime  ## Python environment and nginx, nothing system-wide
	@$(BIN)/python -m harness.localkube.nginx

dev: setup $(VENV)/.dev

demo: setup  ## Set up and run the main job: about a minute
	@$(BIN)/harness run experiments/demo.yaml --retry-inconclusive 1

# No nginx, no child process: a test that starts one without its marker fails.
check: $(VENV)/.dev lint  ## The fast layer: lint, types and pure unit tests, one to two minutes
	@$(BIN)/pytest -q -m "not (e2e or kind or nginx or processes)" -n 2

test: dev lint unit e2e sabotage  ## Set up and run all tests, except those on kind

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

unit: dev
	@$(BIN)/pytest -q -m "not e2e and not kind and not timelines" -n 2

differential: dev  ## The embedded cluster against recorded timelines of a real one; needs a quiet machine
	@$(BIN)/pytest -q -m timelines tests/differential

e2e: dev
	@$(BIN)/pytest -q -m "e2e and not sabotage" -n $(E2E_JOBS)

# A run itself puts as many trials side by side as the machine takes, so these come one after the other.
sabotage: dev  ## The settings that must lose, and those that must not
	@$(BIN)/pytest -q -m sabotage

# One after the other: they share a cluster, and on it an ingress controller.
test-kind: dev  ## The same on real kind clusters, 35 minutes; needs docker and kind
	@$(BIN)/pytest -q -m kind tests/kind

clean:  ## Remove the environment and the caches in this folder
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
