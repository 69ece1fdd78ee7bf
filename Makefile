PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CODE := src verifier/src tests bench docs/_generate
TESTS ?= tests
# A real browser, a Ray cluster and the whole command line take minutes; `make test` has them.
QUICK := -m "not browser and not ray_cluster" \
	$(if $(filter tests,$(TESTS)),--ignore=tests/workflow --ignore=tests/examples)

.DEFAULT_GOAL := demo
.PHONY: help demo test check lint format docs glossary api lock bench clean

help:  ## What make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP)  ## Set up everything, then decide go or no-go on the embedded demo
	@$(BIN)/safecase demo run --workspace demo-workspace

test: $(STAMP)  ## Set up everything, then run the tests (TESTS=tests/gate for one room)
	$(BIN)/pytest -n 2 --dist worksteal $(TESTS)

check: $(STAMP) lint  ## Before a commit: lint, then the quick tests, those that failed last time first
	$(BIN)/pytest -n 2 --dist worksteal --failed-first $(QUICK) $(TESTS)

lint: $(STAMP)  ## Style, types, import contracts
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)  ## Bring the code into shape: imports in order, one layout
	$(BIN)/ruff check --fix-only --quiet $(CODE)
	$(BIN)/ruff format $(CODE)

docs: $(STAMP)  ## Build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet

glossary: $(STAMP)  ## Write docs/glossary.md anew from the vocabulary's docstrings
	$(BIN)/python docs/_generate/glossary.py

api: $(STAMP)  ## Write docs/api.md anew from the facades and docstrings
	$(BIN)/python docs/_generate/api.py

lock:  ## Renew constraints.txt with the newest versions that pyproject.toml allows; then run the tests
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check -e ./verifier -e '.[dev,docs]'
	@sed -n '/^#/p' constraints.txt > constraints.new
	@$(VENV)-lock/bin/python -m pip freeze --disable-pip-version-check --exclude-editable >> constraints.new
	@mv constraints.new constraints.txt
	rm -rf $(VENV)-lock

bench: $(STAMP)  ## The benchmarks of the performance table
	$(BIN)/python bench/all.py

$(STAMP): pyproject.toml verifier/pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ./verifier -e '.[dev,docs]'
	@touch $(STAMP)

clean:  ## Remove what make made
	rm -rf $(VENV) $(VENV)-lock site demo-workspace build dist
