# `make demo` and `make test` set up all they need in .venv; nothing else has to be installed.
PYTHON ?= python3
# One release is pinned so that everybody's first run is the same. Any other: `make demo TORCH=torch`.
TORCH ?= torch==2.13.0
BIN := .venv/bin
# All else is taken only as scripts/lock.sh found it; torch has builds of its own on many indexes.
LOCKED := $(BIN)/python -m pip install --quiet --require-hashes --requirement scripts/locked/runtime.txt

CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/multi-edit
export MULTIEDIT_COMFYUI ?= $(CACHE)/ComfyUI
export MULTIEDIT_COMFYUI_PYTHON ?= $(CACHE)/comfyui-env/bin/python
COMFYUI_TAG ?= v0.33.0
OLDER_VERSIONS = 0.15.0 0.25.0

.PHONY: setup demo test lint types comfyui comfyui-versions frontend upstream typescript bench bench-compare clean

setup: .venv/.runtime

.venv/.runtime: pyproject.toml requirements.txt scripts/locked/runtime.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "multi-edit needs Python 3.10 or newer; this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(LOCKED)
	@echo "Fetching torch into .venv; on a slow line this takes a while."
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.development: .venv/.runtime scripts/locked/development.txt
	$(LOCKED) --requirement scripts/locked/development.txt
	@touch $@

demo: .venv/.runtime
	@sh samples/demo.sh $(BIN)/multiedit

# The files of tests are shared out: most of those with a page or a server wait more than they work.
WORKERS ?= 2
test: lint types
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: .venv/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy wants the package's own name; the root may be cloned under any.
types: .venv/.development
	@mkdir -p .venv/typecheck && ln -sfn ../.. .venv/typecheck/multiedit
	MYPYPATH=.venv/typecheck $(BIN)/mypy -p multiedit.pipelines -p multiedit.api -p multiedit.nodes -p multiedit.cli

# A real ComfyUI in the user's cache, with an environment of its own, for the tests and the benchmarks.
comfyui:
	test -d $(MULTIEDIT_COMFYUI) || git clone --depth 1 --branch $(COMFYUI_TAG) https://github.com/Comfy-Org/ComfyUI $(MULTIEDIT_COMFYUI)
	test -x $(MULTIEDIT_COMFYUI_PYTHON) || $(PYTHON) -m venv $(CACHE)/comfyui-env
	$(MULTIEDIT_COMFYUI_PYTHON) -m pip install --quiet -r $(MULTIEDIT_COMFYUI)/requirements.txt pytest hypothesis

# Older ones, each beside the frontend that it pins, for tests/comfyui/test_older_versions.py.
comfyui-versions: comfyui
	for version in $(OLDER_VERSIONS); do sh scripts/older_comfyui.sh $(CACHE) $$version $(PYTHON) || exit 1; done

# ComfyUI's newest templates and node documents, which the profiles are compared with.
upstream: .venv/.runtime
	$(BIN)/python -m pip download --quiet --no-deps --dest $(CACHE)/upstream comfyui-workflow-templates-json comfyui-embedded-docs

# The newest frontend, which the tests of ComfyUI's page try beside ComfyUI's own.
frontend:
	$(MULTIEDIT_COMFYUI_PYTHON) -m pip install --quiet --upgrade --no-deps --target $(CACHE)/frontend comfyui-frontend-package

# The type checker of the modules of web/.
typescript:
	npm install --silent --no-audit --no-fund --prefix $(CACHE)/typescript typescript@5.9.3

bench: .venv/.runtime
	@sh bench/run.sh $(BIN)/python $(MULTIEDIT_COMFYUI) $(MULTIEDIT_COMFYUI_PYTHON)

# Two commits side by side: make bench-compare BASE=main BENCHES="compose safety" ROUNDS=3
BENCHES ?= compose safety
ROUNDS ?= 3
bench-compare: .venv/.runtime
	@$(BIN)/python bench/compare.py --rounds $(ROUNDS) $(BASE) $(BENCHES)

clean:
	rm -rf .venv output
