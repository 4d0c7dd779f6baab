# podwire. Every target sets up what it needs first (tools/setup; silent and quick once that is done).
# Arguments go through ARGS:  make conformance ARGS="--lab l2bridge-win-bridge -k tcp"

SHELL := /bin/sh
.DEFAULT_GOAL := help
# nft: an own one (setup without root) first, and the folders for root's tools, which not every user has on PATH.
export PATH := $(CURDIR)/.tools/bin:$(PATH):/usr/sbin:/sbin
export PYTHON
ARGS ?=
# Tests wait more than they compute: one process more than the two cores of a small machine.
JOBS ?= 3
bin := .venv/bin

.PHONY: help setup conformance test test-windows check format bench mutants profiles replay example clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 14

setup: ## make the checkout ready: .venv, nft for the lab, Allure where Node is
	@tools/setup

conformance: setup ## run the suite against the lab; the results go to reports/runs/
	@$(bin)/pytest $(ARGS)

test: setup ## podwire's own tests; some of them: make test ARGS=tests/cli
	@$(bin)/pytest $(if $(filter tests/%,$(ARGS)),,tests --ignore tests/windows) -n $(JOBS) --dist worksteal $(ARGS)

test-windows: setup ## the agent on the Windows build of Python, under Wine; skipped, and said, where there is none
	@tools/setup-wine
	@$(bin)/pytest tests/windows -rs $(ARGS)

check: setup ## format, lint, types, import contracts, structure, catalogue, generated parts of the docs
	@tools/check

format: setup ## put the Python files into the project's format, and what is generated into the docs
	@$(bin)/ruff format .
	@$(bin)/ruff check --fix .
	@$(bin)/python tools/generated.py --write

bench: setup ## the measured numbers, each with the command that gives it
	@$(bin)/python bench $(ARGS)

mutants: setup ## one run per injected fault: which requirement notices it
	@$(bin)/podwire mutants --lab overlay-win-overlay $(ARGS)
	@$(bin)/podwire mutants --lab l2bridge-win-bridge $(ARGS)
	@$(bin)/podwire mutants --lab overlay-flannel-vxlan $(ARGS)

profiles: setup ## the suite on every profile of the lab: one table, and a page of it
	@$(bin)/podwire profiles $(ARGS)

replay: setup ## dated regressions of Windows networking: which would the gate have caught
	@$(bin)/podwire replay $(ARGS)

example: setup ## make reports/example/run again: a small run of the lab with a fault
	@$(bin)/python tools/example.py

clean: ## remove all that set-up and tools made; the results of runs stay
	@rm -rf .venv .tools tools/allure/node_modules dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
