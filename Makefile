# Needs GNU make, bash (every Debian and Ubuntu has it) and Python 3.11 to 3.13; everything else is installed into
# $(VENV) from the locks in requirements/. `make` without a target says what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# Each can be given: make serve PORT=9000.
VENV ?= .venv
PORT ?= $(or $(DIGITS_PORT),8000)
# 1: TensorFlow with CUDA; 0: the CPU's; by default whether an NVIDIA driver answers.
GPU ?= $(shell nvidia-smi -L >/dev/null 2>&1 && echo 1 || echo 0)
# More for pytest: make test ARGS='-k batching -x'.
ARGS ?=
# How many files of tests run at once; JOBS=0 for one after another in one process, as a debugger needs it.
JOBS ?= $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores < 4 ? cores : 4)))

PY = $(VENV)/bin/python
pytest = $(PY) -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder
install = PYTHON='$(PYTHON)' requirements/install.sh
# The two TensorFlows overwrite each other's files, so they never share an environment.
GPU_VENV = $(VENV)-gpu

# The lock with everything comes first, the others take their versions from it.
COMPILE = '$(abspath $(VENV))/bin/uv' pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
LOCKS = service gpu training

.PHONY: help
help: ## Say what there is (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: serve
serve: ## Serve the models in models/ on port 8000; PORT=9000 for another, GPU=0 or GPU=1 to choose the device
	@if [[ $(GPU) == 1 ]]; then venv='$(GPU_VENV)' lock=gpu; else venv='$(VENV)' lock=service; fi; \
	$(install) "$$venv" "$$lock"; \
	export DIGITS_PORT='$(PORT)'; exec "$$venv/bin/python" -m service

.PHONY: test
test: dev ## Run every test; ARGS='-k name' for some
	@command -v promtool >/dev/null || requirements/system-package.sh prometheus 'it checks the alerts and dashboards'
	@$(pytest) $(ARGS)

.PHONY: test-fast
test-fast: dev ## Run the tests that take no more than a few seconds each, in under 3 minutes
	@$(pytest) -m 'not slow' $(ARGS)

.PHONY: test-containers
test-containers: dev ## Build the images, start them and retrain in one, on this machine's Docker; the first time takes many minutes
	@$(PY) -m pytest tests/containers -m containers $(ARGS)

.PHONY: train
train: ## Train cnn and mlp on the full MNIST and publish the next version of each in models/
	@$(install) '$(VENV)' training
	@$(PY) -m training train --model cnn --dataset mnist
	@$(PY) -m training train --model mlp --dataset mnist

.PHONY: experiments
experiments: ## Train every preset that has no record yet, one after another, and write docs/results.md; takes an hour or more
	@$(install) '$(VENV)' training
	@$(PY) -m training experiments $(ARGS)

.PHONY: screenshots
screenshots: dev ## Take the pictures of the page in docs/screenshots again
	@$(PY) -m tests.page.screenshots

.PHONY: dashboards
dashboards: dev ## Write Grafana's dashboards from their code in monitoring/dashboards
	@$(PY) -m monitoring.dashboards

.PHONY: manifests
manifests: dev ## Write the Kubernetes manifests that are made from other files
	@$(PY) -m deploy.kubernetes

.PHONY: lint
lint: dev ## Check style, format and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

.PHONY: format
format: dev ## Format the code and mend what can be mended
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

.PHONY: bench
bench: dev ## Measure the service beside the bare model; the report goes to bench-results/
	@command -v wrk >/dev/null || requirements/system-package.sh wrk 'it makes the load'
	@$(PY) -m benchmarks $(ARGS)

.PHONY: gpu-check
gpu-check: ## Check the service on this machine's NVIDIA GPU and measure what it brings; ARGS='--device cpu' to try it
	@if [[ $(GPU) == 1 ]]; then venv='$(GPU_VENV)' lock=gpu; else venv='$(VENV)' lock=service; fi; \
	$(install) "$$venv" "$$lock"; exec "$$venv/bin/python" -m benchmarks.gpu_check $(ARGS)

.PHONY: bench-peers
bench-peers: dev ## Measure it beside mosec, BentoML, LitServe, MLServer, Ray Serve and a script; half an hour, ARGS=--quick for less
	@command -v wrk >/dev/null || requirements/system-package.sh wrk 'it makes the load'
	@command -v cc >/dev/null || requirements/system-package.sh build-essential 'the open loop is compiled'
	@$(PY) -m benchmarks.peers $(ARGS)

.PHONY: chaos
chaos: dev ## Publish, kill, hang, restart and stop under load, and account for every request; ARGS='--engines 2' for two
	@$(PY) -m benchmarks.chaos $(ARGS)

.PHONY: lock
lock: dev ## Compile requirements/*.in into locks; UPGRADE=1 for the newest versions
	@cd requirements && $(COMPILE) $(if $(UPGRADE),--upgrade) dev.in -o dev.txt
	@cd requirements && for lock in $(LOCKS); do $(COMPILE) -c dev.txt "$$lock.in" -o "$$lock.txt"; done
	@requirements/peers/lock.sh

.PHONY: clean
clean: ## Remove the virtual environments and caches; models, data and results stay
	@for venv in '$(VENV)' '$(GPU_VENV)'; do if [[ -e $$venv/pyvenv.cfg ]]; then rm -rf "$$venv"; fi; done
	@rm -rf .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: dev
dev: ## Install everything that tests, checks and benchmarks need into .venv
	@$(install) '$(VENV)' dev
