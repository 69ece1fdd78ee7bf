PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint docs bench clean

demo: $(STAMP)  ## Set up everything, then decide go or no-go on the embedded demo
	@$(BIN)/safecase demo run --workspace demo-workspace

test: $(STAMP)  ## Set up everything, then run the tests
	$(BIN)/pytest -n 2 --dist worksteal tests

lint: $(STAMP)  ## Style, types, import contracts
	$(BIN)/ruff check src tests bench
	$(BIN)/ruff format --check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP)  ## Build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet

bench: $(STAMP)  ## The benchmarks of the performance table
	$(BIN)/python bench/all.py

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,docs]'
	@touch $(STAMP)

clean:
	rm -rf $(VENV) site demo-workspace build dist
