# Each of these sets up what it needs first, and is quick the second time:
#   make demo     serve a complete demo compound on http://127.0.0.1:8000
#   make test     run every test
#   make bench    measure
#   make lint     check style, types and the direction of imports
# Debian 12 and Ubuntu 24.04, as root or with sudo. PYTHON names another Python 3.11+.
PYTHON ?= python3
export PYTHON

READY := .venv/.ready
BROWSER := webmap/static/vendor/.ready
CATALOGUES := $(wildcard webmap/translations/*/LC_MESSAGES/*.po)
TRANSLATIONS := $(CATALOGUES:.po=.mo)

# The programs in a virtual environment carry its path, so a moved project needs a new one.
ifneq ($(shell cat .venv/.place 2>/dev/null),$(CURDIR))
$(shell rm -f $(READY))
endif

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test bench lint python postgis browser

help:
	@sed -n '2,7s/^# \{0,1\}//p' Makefile

demo: postgis $(READY) $(BROWSER) $(TRANSLATIONS)
	.venv/bin/commongreen db start
	.venv/bin/commongreen db upgrade
	.venv/bin/commongreen demo

test: postgis $(READY) $(BROWSER) $(TRANSLATIONS) browser
	.venv/bin/pytest -n 2 --dist loadscope --no-loadscope-reorder

bench: postgis $(READY) $(BROWSER) $(TRANSLATIONS)
	.venv/bin/commongreen db start
	.venv/bin/python -m tests.benchmarks

lint: python $(READY)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

python:
	@setup/system.sh python

postgis:
	@setup/system.sh python postgis node documents

browser: $(READY)
	@setup/system.sh browser

$(READY): requirements.txt pyproject.toml | python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "setup: $(PYTHON) is $$($(PYTHON) -V 2>&1): Python 3.11 or later is needed;" \
	    "install it and run make PYTHON=python3.11" >&2; exit 1; }
	[ "$$(cat .venv/.place 2>/dev/null)" = "$(CURDIR)" ] || $(PYTHON) -m venv --clear .venv
	.venv/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	.venv/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	echo "$(CURDIR)" > .venv/.place
	touch $@

$(BROWSER): package.json package-lock.json setup/browser_files.mjs | postgis
	npm ci --ignore-scripts --no-audit --no-fund
	node setup/browser_files.mjs
	touch $@

%.mo: %.po | $(READY)
	.venv/bin/pybabel compile -i $< -o $@
