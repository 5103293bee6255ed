# Thin names for the scripts in tools/, which need no make.
.PHONY: setup demo test lint bench

setup demo test bench:
	@tools/$@

lint: setup
	@tools/lint
