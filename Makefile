# Two commands matter: `make demo` and `make test`. Both install what they need, from locks with hashes.
.DEFAULT_GOAL := help
.PHONY: help install demo test kill-test check bench lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := schemas producers processors consumers deploy
# uv from the PATH when there is one, else one installed through pip beside the checkout.
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
STACK ?= embedded

help:
	@echo 'make demo    the whole road on an embedded stack of real servers'
	@echo 'make test    style, types, import contracts and every test (STACK=embedded|containers|external)'
	@echo 'make kill-test  every kill there is, over 20,000 signals and more; report in docs/reports/kills.md'
	@echo 'make bench   speed beside rivals, into docs/reports (about a quarter of an hour)'
	@echo 'make check   style, types and import contracts only'
	@echo 'make lock    resolve the Python lock anew'
	@echo 'make clean   remove the environment and the local stack of this checkout'

install: $(VENV)/.installed

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed: set PYTHON=/path/to/python'; exit 1; }
	@echo 'installing uv through pip'
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { echo 'neither uv nor pip was found: install one of them'; exit 1; }
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .uv --require-hashes -r bootstrap.lock

# Compiled here, for every process of the road would do it again where PYTHONDONTWRITEBYTECODE is set.
$(VENV)/.installed: Makefile requirements.lock bootstrap.lock $(ROOMS:%=%/pyproject.toml) | $(filter .uv/bin/uv,$(UV))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or later is needed: set PYTHON=/path/to/python'; exit 1; }
	@test -x $(BIN)/python || $(UV) venv --quiet --no-project --python $(PYTHON) $(VENV)
	@echo 'installing the locked packages'
	@$(UV) pip sync --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(ROOMS:%=-e ./%)
	@$(BIN)/python -m compileall -q $(ROOMS)
	@touch $@

demo: install
	@$(BIN)/kruispunt demo

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest --stack=$(STACK)

kill-test: install
	$(BIN)/python -m tests.kills

bench: install
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r benchmarks/requirements.lock
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.population

lock:
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --no-header --output-file requirements.lock requirements.in $(ROOMS:%=--no-emit-package kruispunt-%)
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --no-header -c requirements.lock --output-file benchmarks/requirements.lock benchmarks/requirements.in

clean:
	@test ! -x $(BIN)/kruispunt || $(BIN)/kruispunt down || true
	rm -rf $(VENV) .uv .kruispunt
