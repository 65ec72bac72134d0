# Each target builds its own virtual environment; only Python (3.10 or later) and pip are needed.
PYTHON  ?= python3
VENV    ?= .venv
WORKERS ?= 2
BIN     := $(VENV)/bin

.PHONY: demo test lint check clean train-nano

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed          ## track an object through a video; results in out/demo
	$(BIN)/sam2long demo --out out/demo --overwrite

test: $(VENV)/.installed          ## every test, the slow ones too
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

lint: $(VENV)/.installed          ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

train-nano: $(VENV)/.installed    ## train the bundled model from scratch, or go on with it; docs/nano.md has the GPU form
	$(BIN)/python -m sam2long.training train --out runs/nano --curriculum cpu --processes 2 --resume

clean:
	rm -rf $(VENV) out
