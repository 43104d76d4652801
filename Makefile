# Callboard's tasks. `make` alone lists them. Everything lands in .venv and in git-ignored folders.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --silent

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip install -qq --disable-pip-version-check --no-input
VENDOR := src/callboard/ui/static/vendor
SERVE_DEMO := $(BIN)/callboard serve --demo --config examples/organisation/app-config.yaml

# Where Python is told to write no bytecode, each process that a test starts would compile what changed since the setup,
# and pytest would rewrite the assertions of all tests again.
export PYTHONDONTWRITEBYTECODE :=

HOST ?= 127.0.0.1
PORT ?= 7007
DATA ?= callboard-data/demo
ARGS ?=

# Chromium for the browser tests: the one named here, or the first one on the PATH.
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome || true)

# The first interpreter that starts and is new enough (a version manager's shim may exist and still refuse to start).
find_python = for p in $${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do \
	if "$$p" -c 'import sys; sys.exit(not (3, 11, 5) <= sys.version_info[:3])' >/dev/null 2>&1; then echo "$$p"; exit 0; fi; \
	done; echo "Callboard needs Python 3.11.5 or newer; none was found. Install one, or say: make PYTHON=/path/to/python3.12" >&2; exit 1

##@ Start here

help:  ## List these targets
	@awk 'BEGIN {FS = ":.*  ## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*  ## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo

setup: $(VENV)/.stamp-dev  ## Make .venv with everything for running and testing; quick when it is done already
	@$(MAKE) $(VENV)/.stamp-project $(VENV)/.stamp-assets-dev

demo: $(if $(wildcard $(VENV)/.stamp-dev),$(VENV)/.stamp-dev,$(VENV)/.stamp-core)  ## Start the portal with the example organisation on http://127.0.0.1:7007
	@$(MAKE) $(VENV)/.stamp-project $(VENV)/.stamp-assets
	@exec $(SERVE_DEMO) --host $(HOST) --port $(PORT) --data $(DATA) $(ARGS)

dev: setup  ## Like demo, and start again whenever a source file changes
	@$(BIN)/watchfiles --filter python \
		"$(SERVE_DEMO) --host $(HOST) --port $(PORT) --data $(DATA) $(ARGS)" src examples

##@ Work on it

# Parts of the suite beside each other, each in random order: tests wait a good deal, for the browser, PostgreSQL, processes
# that start. $(1): the parts, the first of which is shown as it goes. $(2): what all are told. 5 is what pytest says when
# ARGS left a part no test.
define run_parts
@export PATH="$(CURDIR)/$(BIN):$$PATH"; logs=$$(mktemp -d); parts=($(1)); jobs=(); codes=(); \
	for part in "$${parts[@]:1}"; do \
		TESTS_PART=$$part $(PY) -m pytest $(2) $(ARGS) >"$$logs/$$part" 2>&1 </dev/null & jobs+=($$!); \
	done; \
	code=0; TESTS_PART=$${parts[0]} $(PY) -m pytest $(2) $(ARGS) || code=$$?; codes+=($$code); \
	for at in "$${!jobs[@]}"; do \
		code=0; wait "$${jobs[at]}" || code=$$?; codes+=($$code); \
		echo "Beside it, $${parts[at+1]}:"; cat "$$logs/$${parts[at+1]}"; \
	done; \
	rm -rf "$$logs"; last=5; \
	for code in "$${codes[@]}"; do case $$code in 0) last=0 ;; 5) ;; *) exit $$code ;; esac; done; exit $$last
endef

test: setup  ## Every test but the soak, in random order (below 10 minutes on two cores)
	@$(MAKE) browser
	$(call run_parts,features others browser,-m "not soak")

check: setup  ## The quick tests: no browser, PostgreSQL or npm (below 90 seconds)
	$(call run_parts,features others,-q -m "not soak and not slow and not browser and not postgres and not npm")

soak: setup  ## The long tests: faults, growth, hours of work
	@$(PY) -m pytest -m soak $(ARGS)

bench: setup  ## Measure this machine; writes bench/results/ (see docs/benchmarks.md)
	@$(PY) -m bench $(ARGS)

lint: $(VENV)/.stamp-dev  ## Ruff: rules and format
	@$(BIN)/ruff check $(ARGS)
	@$(BIN)/ruff format --check --quiet || { echo "Some files are not in the house format: make format" >&2; exit 1; }

format: $(VENV)/.stamp-dev  ## Put the sources into the house format
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format --quiet

types: setup  ## Type check with mypy
	@$(BIN)/mypy $(ARGS)

docs: setup  ## Write docs/reference again from the code
	@$(PY) docs/build_reference.py

screenshots: setup  ## Take the pictures of the README again, from the example organisation
	@$(PY) docs/take_screenshots.py $(ARGS)

assets: $(VENV)/.stamp-assets  ## Build the front-end files that pages load

wheel: setup  ## Build dist/*.whl, front-end files included
	@rm -rf dist
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PY) -m build --wheel --no-isolation --outdir dist . >/dev/null
	@ls dist/*.whl

lock:  ## Resolve the requirements again (needs the network)
	@$(find_python) >/dev/null
	@test -x .make/lock/bin/uv || { "$$($(find_python))" -m venv .make/lock; \
		.make/lock/bin/python -m pip install -qq --disable-pip-version-check --no-input uv; }
	@uv() { .make/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --python-version 3.11.7 "$$@" >/dev/null; }; \
		uv $(UPGRADE) pyproject.toml requirements/dev.in -o requirements/dev.txt; \
		for part in build node; do uv -c requirements/dev.txt requirements/$$part.in -o requirements/$$part.txt; done; \
		uv -c requirements/dev.txt pyproject.toml -o requirements/core.txt

clean:  ## Remove what these targets made, the data of the demo included
	@rm -rf $(VENV) .make build dist node_modules callboard-data $(VENDOR) .pytest_cache .ruff_cache .mypy_cache .hypothesis

.PHONY: help setup demo dev test check soak bench lint format types docs screenshots assets wheel lock clean browser force

# ---- how setup works: one stamp file a step, all of them inside .venv, so that removing .venv starts over ----------------

$(PY):
	@python="$$($(find_python))"; echo "Making $(VENV) with $$("$$python" --version)"; \
		"$$python" -m venv --clear $(VENV) || { echo "That Python cannot make virtual environments (on Debian: apt-get install python3-venv)." >&2; exit 1; }

$(VENV)/.stamp-core: requirements/core.txt requirements/build.txt requirements/node.txt | $(PY)
	@echo "Installing what Callboard needs to run"
	@$(PIP) --require-hashes -r requirements/core.txt -r requirements/build.txt \
		$$(command -v npm >/dev/null || echo -r requirements/node.txt)
	@touch $@

$(VENV)/.stamp-dev: requirements/dev.txt | $(PY)
	@echo "Installing what Callboard needs to run and to be tested"
	@$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.stamp-project: pyproject.toml | $(PY)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(PY) -m compileall -q -j 2 src || true # where Python is told to write no bytecode, each start would compile everything
	@touch $@

# What the front-end files are made from. `force` when somebody removed them.
ASSET_SOURCES := package.json package-lock.json src/callboard/ui/build_assets.py src/callboard/ui/icons.py \
	$(wildcard src/callboard/ui/bundles/*.js) \
	$(if $(wildcard $(VENDOR)/manifest.json),,force)

$(VENV)/.stamp-assets: $(ASSET_SOURCES) | $(PY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PY) -m callboard.ui.build_assets
	@touch $@

# With the packages that only tests drive. Built assets count for both.
$(VENV)/.stamp-assets-dev: $(ASSET_SOURCES) | $(PY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PY) -m callboard.ui.build_assets --development
	@touch $@ $(VENV)/.stamp-assets

# Browser tests skip themselves, saying so, where there is no Chromium; in CI they have to run.
browser:
	@if [ -z "$(CHROMIUM)" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests"; \
		apt-get update -qq >/dev/null 2>&1 || true; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 || true; \
	fi; \
	if ! command -v chromium >/dev/null && [ -z "$(CHROMIUM)" ]; then \
		echo "No Chromium here: the browser tests will be skipped." >&2; \
		[ -z "$${CI:-}" ] || { echo "In CI they have to run. Install chromium." >&2; exit 1; }; \
	fi

force:
