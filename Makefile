# Two commands are all a new user needs: make demo, make test. Each makes .venv if it is not there.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ASSETS := $(or $(STREAMCLF_TEST_ASSETS),../shared)

.PHONY: demo test test-exporters lint wheel-test bench configs models-table framecheck expectations clean help

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "streamclf needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

demo: $(READY)   ## your camera or a generated scene, classified; the scene's video, rows and contact sheet in demo-out/
	$(BIN)/streamclf demo

test: $(READY)   ## all tests
	$(BIN)/python -m pytest -q

# An environment of its own: Keras and PyTorch are large. PyTorch's release is that of the training, in whatever build pip finds.
EXPORTERS := .venv-exporters

$(EXPORTERS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(EXPORTERS)
	$(EXPORTERS)/bin/python -m pip install --quiet --upgrade pip
	$(EXPORTERS)/bin/python -m pip install --quiet --editable '.[keras,torch]' --group dev --group training
	@touch $@

test-exporters: $(EXPORTERS)/.ready ## six networks of Keras and small ones of PyTorch, exported and proven: minutes, and 1.5 to 6 GB of disk
	$(EXPORTERS)/bin/python -m pytest -q tests/exporters

lint: $(READY)   ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

wheel-test: $(READY) ## the built wheel in an empty environment
	$(BIN)/python scripts/wheel_test.py

# An environment of its own, with the libraries that streamclf is measured beside.
BENCH := .venv-bench

$(BENCH)/.ready: pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --upgrade pip
	$(BENCH)/bin/python -m pip install --quiet --editable . --group bench
	@touch $@

bench: $(BENCH)/.ready ## measure beside the field's usual ways; writes benchmarks/results/ (QUICK=1: a short look; PARTS="live memory": those only)
	$(BENCH)/bin/python benchmarks/bench.py $(PARTS) $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS))

configs: $(READY) ## write the sample configurations anew
	$(BIN)/python scripts/make_configs.py

models-table: $(READY) ## write the tables of networks in README.md and models/README.md anew
	$(BIN)/python scripts/make_models_table.py

# Freed memory is kept for the next step: its pages need not be cleared again, which saves a quarter of the time.
framecheck: export MALLOC_MMAP_THRESHOLD_ := 2000000000
framecheck: export MALLOC_TRIM_THRESHOLD_ := 8000000000
framecheck: export MALLOC_TOP_PAD_ := 500000000
framecheck: $(READY) ## train the bundled network anew and measure it: about an hour and a half, needs the photographs
	$(BIN)/python -m pip install --quiet --group training
	$(BIN)/python models/framecheck/train.py
	$(BIN)/python models/framecheck/evaluate.py --enter --json build/framecheck/report.json --pictures build/framecheck

expectations: export STREAMCLF_MIRROR := $(or $(STREAMCLF_MIRROR),$(ASSETS)/mirror)
expectations: $(READY) ## write anew what networks have to answer, by other engines (NAMES="framecheck ...": theirs only)
	$(BIN)/python -m scripts.make_expectations $(NAMES)
	test ! -d $(ASSETS)/media/image || STREAMCLF_MODELS=tests/cards \
		$(BIN)/python -m scripts.make_expectations --photographs $(ASSETS)/media/image $(NAMES)

clean:           ## remove what make made
	rm -rf $(VENV) $(EXPORTERS) $(BENCH) demo-out dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
