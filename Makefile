# Every target sets up what it needs. PYTHON names the interpreter that makes the environment.
PYTHON ?= python3
BIN := .venv/bin
CAMPAIGN := --home out/annotate
DEMO_MODELS := tiny.en qwen2.5-coder-0.5b
FULL_MODELS := $(DEMO_MODELS) nanodet mermaid
TEST_MODELS := $(FULL_MODELS) base
BENCHMARKS := ingest ingest_pool transcribe caption cap_qa clocks dedupe decontaminate export audit report memory render annotate_push annotate_pull

.PHONY: install demo full annotate test test-fast check format bench clean

install: .venv/installed

.venv/installed: setup.py constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[speech,llm,detect,ocr,clocks,docs,hub,annotate,evaluate,dev]'
	touch $@

demo: install
	$(BIN)/pixmo models fetch $(DEMO_MODELS)
	$(BIN)/pixmo run recipes/demo.yaml

# Every subset; docs/renderers.md names the Debian packages that it needs.
full: install
	$(BIN)/pixmo models fetch $(FULL_MODELS)
	$(BIN)/pixmo run recipes/full.yaml

# Without `make demo` before it, the pictures of the samples are fetched first.
annotate: install
	test -e out/demo/images || $(BIN)/pixmo run recipes/demo.yaml --stage ingest
	$(BIN)/pixmo annotate up --store out/demo $(CAMPAIGN)
	$(BIN)/pixmo annotate users add you $(CAMPAIGN)
	$(BIN)/pixmo annotate push cap --store out/demo $(CAMPAIGN)
	$(BIN)/pixmo annotate up --store out/demo $(CAMPAIGN)

test: install
	$(BIN)/pixmo models fetch $(TEST_MODELS)
	$(BIN)/python -m pytest

test-fast: install
	$(BIN)/python -m pytest -n 2 -m 'not slow and not studio and not network and not gpu'

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
	-test ! -e out/annotate/campaign.json || $(BIN)/pixmo annotate down $(CAMPAIGN)
	rm -rf .venv out build *.egg-info
