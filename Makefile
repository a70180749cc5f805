# Every command a developer or a first user needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help packages demo test live serve-test soak latency fuzz faults figures-rules figures-novel lint deb deb-13 deb-test deb-test-13 clean

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y python3-venv; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

# The package's own service must not start: policy-rc.d says so while it is installed (deb-systemd-invoke asks it).
packages:  ## get fail2ban and nftables from the distribution where missing, without starting a service
	@if command -v fail2ban-server >/dev/null && command -v nft >/dev/null && command -v ip >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "fail2ban, nftables or iproute2 is missing; run make as root to install them"; exit 0; fi; \
	kept=; if [ ! -e /usr/sbin/policy-rc.d ]; then printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; kept=1; fi; \
	apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends fail2ban nftables iproute2; status=$$?; \
	if [ -n "$$kept" ]; then rm -f /usr/sbin/policy-rc.d; fi; exit $$status

demo: $(VENV)/.installed packages  ## from log to ban on simulated logs: two minutes, nothing left running
	$(BIN)/fail2ban-ai demo

test: $(VENV)/.installed packages  ## set up and run every check: ruff, mypy, the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

LIVE := nginx openssh-server dovecot-core dovecot-imapd postfix hydra sqlmap ffuf
live: $(VENV)/.installed packages  ## real daemons and attack tools in namespaces: two minutes, nothing left running
	packaging/get $(LIVE)
	$(BIN)/pytest -m live tests/live

$(VENV)/.serve: $(VENV)/.installed
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,serve]'
	touch $@

serve-test: $(VENV)/.serve  ## `model serve` on real Ray (370 MB more in .venv), behind real nginx: three minutes
	packaging/get nginx-light
	$(BIN)/pytest -m serve tests/serve

soak: $(VENV)/.installed  ## memory of a watcher over ten million lines: an hour
	nice $(BIN)/python benchmarks/soak.py

latency: $(VENV)/.installed packages  ## from a line to the nft set with 1,000 lines a second (root): two minutes
	$(BIN)/python benchmarks/latency.py

fuzz: $(VENV)/.installed  ## a million lines that no service ever wrote, through watch and analyze: fifteen minutes
	FUZZ_LINES=1000000 $(BIN)/pytest tests/faults/test_fuzz.py

faults: $(VENV)/.installed packages  ## kill -9 at fifty random moments: five minutes
	$(BIN)/pytest -m faults tests/faults
	WATCH_KILLS=50 $(BIN)/pytest tests/watch/test_watch.py -k killed

CORPORA ?= corpora
figures-rules: $(VENV)/.installed packages  ## the figures of docs/rules.md, from a folder of labelled logs (CORPORA=…): half an hour
	$(BIN)/python benchmarks/rules.py $(CORPORA)

NOVEL := known sqli xss traversal rce secret webshell scan injections probes
figures-novel: $(VENV)/.installed  ## recall on attacks that training never met, as above: two hours, on one core
	nice $(BIN)/python -m benchmarks.novel prepare $(CORPORA) build/novel
	for case in $(NOVEL); do \
	nice $(BIN)/python -m benchmarks.novel run build/novel $$case && \
	nice $(BIN)/python -m benchmarks.novel judge build/novel $$case small-1 || exit; done

lint: $(VENV)/.installed  ## ruff and mypy alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

deb: $(VENV)/.installed  ## a Debian package with its own Python environment, below dist/
	packaging/build-deb $(BIN)/python

deb-13: $(VENV)/.installed  ## the same for Debian 13 (Python 3.13), wherever its wheels can be had
	packaging/build-deb $(BIN)/python 3.13

TRIAL := debootstrap systemd-container
deb-test: deb  ## the package in a bare root without a network, then in a booted one with systemd (root, ten minutes)
	packaging/get $(TRIAL)
	packaging/test-deb "" $(OLDER)

deb-test-13: deb-13  ## the same on Debian 13, with its fail2ban 1.1
	packaging/get $(TRIAL)
	packaging/test-deb trixie $(OLDER)

clean:  ## remove what make made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
