# Each target builds its own virtual environment; only Python (3.10 or later) and pip are needed.
# timm, the trunk of the tests' other EdgeTAM, would bring torchvision and with it another torch: hence without its
# dependencies.
PYTHON  ?= python3
VENV    ?= .venv
WORKERS ?= 2
SECONDS ?= 600
SEED    ?= 1
BIN     := $(VENV)/bin
LOWEST  ?= .venv-lowest
PHOTOS  ?= photos-with-masks

# Each uses some dependency in earnest; together about two minutes on two cores.
LOWEST_TESTS := \
	tests/test_lowest.py tests/cli/test_app.py tests/cli/test_bad_input.py tests/cli/test_progress.py \
	tests/cli/test_score.py tests/evaluation tests/model/test_hub.py tests/model/test_checkpoint.py tests/model/test_odd_checkpoints.py \
	tests/model/test_attention.py tests/tracking/test_feature_cache.py tests/tracking/test_results_folder.py \
	tests/tracking/test_saved_session.py::test_the_file_is_plain_json_and_safetensors \
	tests/tracking/test_session_file_safety.py tests/tracking/test_scratch.py tests/video tests/results

.PHONY: demo test test-lowest lock-lowest lint check docs examples wheel clean train-nano fuzz

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps timm
	touch $@

demo: $(VENV)/.installed          ## track an object through two clips; results in out/demo
	$(BIN)/sam2long demo --out out/demo --overwrite

test: $(VENV)/.installed          ## every test, the slow ones too
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

$(LOWEST)/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/pip install --quiet --constraint constraints-lowest.txt --editable '.[report,supervision,test]'
	touch $@

test-lowest: $(LOWEST)/.installed ## some tests with the lowest versions that pyproject.toml allows
	$(LOWEST)/bin/python -m pytest --numprocesses $(WORKERS) --dist worksteal $(LOWEST_TESTS)

lock-lowest: $(VENV)/.installed   ## write constraints-lowest.txt anew, after a change of the bounds in pyproject.toml
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/python .ci/lowest.py > $(LOWEST)/bounds.txt
	$(LOWEST)/bin/pip install --quiet --constraint $(LOWEST)/bounds.txt --editable '.[report,supervision,test]'
	$(BIN)/python .ci/lowest.py $(LOWEST)/bin/pip > constraints-lowest.txt

lint: $(VENV)/.installed          ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

docs: $(VENV)/.installed          ## the site, in out/site; fails on a dead link
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir out/site

examples: $(VENV)/.installed      ## run every example, and the notebook
	$(BIN)/python examples/run_all.py

wheel: $(VENV)/.installed         ## build the wheel, install it in an environment of its own, run the demo there
	rm -rf out/dist out/wheel
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir out/dist .
	$(PYTHON) -m venv out/wheel
	out/wheel/bin/pip install --quiet --constraint constraints.txt out/dist/*.whl
	cd out/wheel && bin/sam2long demo --out demo

fuzz: $(VENV)/.installed          ## ten minutes of damaged files and odd words; SECONDS=3600 SEED=7 for more
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED)

train-nano: $(VENV)/.installed    ## train the bundled model, or go on with it; PHOTOS=folder, see docs/training.md
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train]'
	$(BIN)/python -m training train --out runs/nano --photos $(PHOTOS) --processes 2 --resume

clean:
	rm -rf $(VENV) $(LOWEST) out
