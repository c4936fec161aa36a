# Few words: quickstart, test, test-fast, check, coverage, benchmark, clean.
PYTHON ?= python3
# As many workers as processors; the tests of one file stay together, because they share servers.
PYTEST_ARGS ?= -n auto --dist loadfile
# What to run and how, passed on to pytest: make test T="-k redirect -n 0", make test T=tests/registry_core
T ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: quickstart test test-fast check format coverage mutants benchmark constraints clean

# The whole main job on a sample registry and two sample clusters, then the Dagster UI. Ctrl-C stops it all.
quickstart: $(INSTALLED)
	@$(BIN)/registry-pipelines quickstart

# Everything: lint, types, tests.
test: check
	$(BIN)/pytest $(PYTEST_ARGS) $(T)

# Under two minutes: without what is slow, opens a browser or starts servers of others.
test-fast: $(INSTALLED)
	$(BIN)/pytest $(PYTEST_ARGS) -m "not slow and not browser and not servers" $(T)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/interrogate --quiet
	$(BIN)/typos

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Which lines no test reaches, as a table and in htmlcov/.
coverage: $(INSTALLED)
	$(BIN)/pytest $(PYTEST_ARGS) --cov --cov-report=term:skip-covered --cov-report=html $(T)

# Half an hour: which small changes to the code that decides does no test notice? MUTANTS="--sample 50 --module NAME"
MUTANTS ?= --sample 300
mutants: $(INSTALLED)
	$(BIN)/python -m tests.mutants.run $(MUTANTS)

# Minutes, and better on an idle machine. Needs docker-registry, nginx and wrk (Debian).
benchmark: $(INSTALLED)
	$(BIN)/python -m benchmarks

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@

# Write constraints.txt anew from what the ranges of pyproject.toml give today.
constraints:
	rm -rf $(VENV)-constraints && $(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/python -m pip install --quiet --disable-pip-version-check '.[test]'
	$(VENV)-constraints/bin/python -m pip freeze --exclude registry-pipelines | grep -E '^[A-Za-z0-9._-]+==[^ ]+$$' > constraints.txt
	rm -rf $(VENV)-constraints build

clean:
	rm -rf .quickstart $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage htmlcov
