# Everything a fresh machine needs besides Python 3.11+ and make comes from the package index.
HOST ?= 127.0.0.1
PORT ?= 8000
THREADS ?= 8
TO ?= backup.tar
# What `make client` writes.
OPENAPI ?= docs/openapi.yaml
CLIENT ?= clients/python
# Where a PostgreSQL server answers, the suite runs on it too.
TEST_POSTGRES_URL ?= postgres://postgres@127.0.0.1:5432/postgres

PYTHON := .venv/bin/python
RUN_STAMP := .venv/.requirements
DEV_STAMP := .venv/.requirements-dev
STATIC_STAMP := staticfiles/staticfiles.json
export PYTHONUNBUFFERED = 1
export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup port run backup test test-sqlite test-postgres check crash-test cluster-test audit lock bench bench-rows bench-drift bench-batches screenshots client clean

help:
	@echo "make run     the site on http://$(HOST):$(PORT)/ (HOST=… PORT=…)"
	@echo "make test    checks and the whole suite"
	@echo "make check   format, lint, types, imports, migrations, deployment"
	@echo "make cluster-test  deploy/ on hosts of its own, which are killed, cut off and restarted under load"
	@echo "make backup  database and pictures into one file (TO=…)"
	@echo "make lock    requirements*.txt, all libraries with their hashes, from requirements*.in"
	@echo "make screenshots  the README's pictures, of the site as it is"
	@echo "make client  docs/openapi.yaml and clients/python, from the API as it is"
	@echo "make bench   how fast it reads and serves, into benchmarks/RESULTS.md and the README"
	@echo "make bench-rows, make bench-drift  the same with a million rows, and over fifty thousand readings"
	@echo "make bench-batches  how fast workers read, on PostgreSQL and Redis, into docs/operations.md"

.venv/bin/python:
	@for python in python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    $$python -m venv .venv && exit 0; \
	    rm -rf .venv; \
	    echo "$$python cannot make virtual environments: install its venv package (Debian: apt install python3-venv)" >&2; exit 1; \
	  fi; \
	done; echo "Python 3.11, 3.12 or 3.13 is needed and none was found" >&2; exit 1

$(RUN_STAMP): requirements.txt | .venv/bin/python
	@echo "Installing what the site needs; the first time takes some minutes"
	$(PYTHON) -m pip install --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(RUN_STAMP)
	$(PYTHON) -m pip install --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

setup: $(RUN_STAMP) $(STATIC_STAMP)
	$(PYTHON) manage.py migrate --verbosity 0

$(STATIC_STAMP): $(RUN_STAMP) $(shell find static -type f)
	$(PYTHON) manage.py collectstatic --no-input --verbosity 0

port: $(RUN_STAMP)
	@$(PYTHON) -c "import socket; socket.create_server(('$(HOST)', $(PORT)))" 2>/dev/null \
	  || { echo "Port $(PORT) on $(HOST) is taken, or not this machine's: try make run PORT=8001" >&2; exit 1; }

# One interpreter runs one thread at a time, so two processes serve. They count limits together in a folder.
run: export WEB_CONCURRENCY ?= 2
run: export CACHE_URL ?= filecache://$(CURDIR)/.limits?max_entries=5000
run: port setup
	@HTTPS=$${HTTPS:-off} HOST=$(HOST) PORT=$(PORT) THREADS=$(THREADS) exec $(PYTHON) -m honcho --no-colour start

backup: $(RUN_STAMP)
	$(PYTHON) manage.py backup $(TO)

test: check test-sqlite test-postgres

test-sqlite: $(DEV_STAMP)
	$(PYTHON) -m pytest --cov --cov-report=term --ignore=tests/cluster

test-postgres: $(DEV_STAMP)
	@if $(PYTHON) -c "import psycopg; psycopg.connect('$(TEST_POSTGRES_URL)', connect_timeout=3)" 2>/dev/null; then \
	  DATABASE_URL=$(TEST_POSTGRES_URL) $(PYTHON) -m pytest --quiet --ignore=tests/reading --ignore=tests/training --ignore=tests/cluster; \
	elif [ -n "$$CI" ]; then echo "No PostgreSQL answers at $(TEST_POSTGRES_URL), and CI must not skip it" >&2; exit 1; \
	else echo "Skipped on PostgreSQL: none answers at $(TEST_POSTGRES_URL)"; fi

check: $(DEV_STAMP)
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-cache
	$(PYTHON) manage.py makemigrations --check --dry-run
	HTTPS=on $(PYTHON) manage.py check --deploy --fail-level WARNING

bench: $(DEV_STAMP)
	$(PYTHON) -m benchmarks

bench-rows: $(DEV_STAMP)
	$(PYTHON) -m benchmarks.rows

bench-drift: $(DEV_STAMP)
	$(PYTHON) -m benchmarks.drift

bench-batches: $(DEV_STAMP)
	TEST_POSTGRES_URL=$(TEST_POSTGRES_URL) $(PYTHON) -m benchmarks.batches

crash-test: $(DEV_STAMP)
	CRASHES=100 $(PYTHON) -m pytest tests/live/test_crash.py
	KILLS=20 $(PYTHON) -m pytest tests/training/test_faults.py -k death

# Starts servers of its own, and as root a network of its own.
cluster-test: $(DEV_STAMP)
	$(PYTHON) -m pytest tests/cluster -rs

audit: $(DEV_STAMP)
	@if $(PYTHON) -c "import urllib.request as u; u.urlopen('https://pypi.org/pypi/pip/24.0/json', timeout=10)" 2>/dev/null; then \
	  $(PYTHON) -m pip_audit --strict --disable-pip --require-hashes -r requirements.txt; \
	else echo "Skipped: the source of known holes, pypi.org, is out of reach"; fi

# Installed already, it locks though the locks do not hold what their sources ask for.
.venv/bin/uv:
	$(MAKE) $(DEV_STAMP)

# The largest first: what all need is then one release in all three. With extras, or pip looks for newer ones of those.
lock: .venv/bin/uv
	.venv/bin/uv pip compile --quiet --no-strip-extras requirements-dev.in --output-file requirements-dev.txt
	.venv/bin/uv pip compile --quiet --no-strip-extras requirements.in --constraints requirements-dev.txt --output-file requirements.txt
	.venv/bin/uv pip compile --quiet --no-strip-extras requirements-serve.in --constraints requirements-dev.txt --output-file requirements-serve.txt

screenshots: $(DEV_STAMP)
	$(PYTHON) -m docs.screenshots

# The schema names the largest number of a column, which databases differ in.
client: $(DEV_STAMP)
	DATABASE_URL=sqlite:///:memory: $(PYTHON) manage.py spectacular --validate --fail-on-warn --file $(OPENAPI)
	rm -rf $(CLIENT)
	PATH="$(CURDIR)/.venv/bin:$$PATH" openapi-python-client generate --fail-on-warning --meta uv --config clients/python.yaml \
	  --custom-template-path clients/templates --path $(OPENAPI) --output-path $(CLIENT)

clean:
	rm -rf .venv staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage evaluation
