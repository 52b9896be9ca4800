# Every target sets up what it needs. PYTHON names the interpreter that makes the environment.
PYTHON ?= python3
BIN := .venv/bin
DEMO_MODELS := tiny.en qwen2.5-coder-0.5b
TEST_MODELS := $(DEMO_MODELS) base
BENCHMARKS := ingest ingest_pool transcribe caption dedupe decontaminate export audit report memory

.PHONY: install demo test test-fast check format bench clean

install: .venv/installed

.venv/installed: setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[speech,llm,hub,dev]'
	touch $@

demo: install
	$(BIN)/pixmo models fetch $(DEMO_MODELS)
	$(BIN)/pixmo run recipes/demo.yaml

test: install
	$(BIN)/pixmo models fetch $(TEST_MODELS)
	$(BIN)/python -m pytest

test-fast: install
	$(BIN)/python -m pytest -n 2 -m 'not slow and not network and not gpu'

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/pixmo models fetch $(DEMO_MODELS)
	failed=; for script in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$script || failed="$$failed $$script"; done; \
	test -z "$$failed" || { echo "below their goals:$$failed"; exit 1; }

clean:
	rm -rf .venv out build *.egg-info
