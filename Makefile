# A fresh machine needs only make and Python 3.11+; everything else comes from the package index.
HOST ?= 127.0.0.1
PORT ?= 8000
THREADS ?= 8
TO ?= backup.tar
SBOM ?= sbom.json
# What `make client` writes.
OPENAPI ?= docs/openapi.yaml
CLIENT ?= clients/python/digit_reader_client
OPERATIONS ?= clients/js/operations.js
# If a PostgreSQL server answers, the suite runs on it too.
TEST_POSTGRES_URL ?= postgres://postgres@127.0.0.1:5432/postgres

PYTHON := .venv/bin/python
RUN_STAMP := .venv/.requirements
DEV_STAMP := .venv/.requirements-dev
BENCH_STAMP := .venv/.requirements-bench
STATIC_STAMP := staticfiles/staticfiles.json
export PYTHONUNBUFFERED = 1
export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup port run backup test test-all test-sqlite test-postgres check crash-test cluster-test audit sbom lock bench bench-rows bench-drift bench-batches bench-pen bench-peers screenshots client catalogues clean

help:
	@echo "make run     the site on http://$(HOST):$(PORT)/ (HOST=… PORT=…)"
	@echo "make test    checks and the fast suite, in minutes"
	@echo "make test-all  that and all other tests, with coverage"
	@echo "make check   format, lint, types, imports, spelling, migrations, deployment"
	@echo "make cluster-test  deploy/ on hosts of its own, which are killed, cut off and restarted under load"
	@echo "make catalogues  the texts of the code into locale/, and those compiled"
	@echo "make backup  database and pictures into one file (TO=…)"
	@echo "make sbom    all libraries with their releases and hashes, as CycloneDX (SBOM=sbom.json)"
	@echo "make lock    requirements*.txt, all libraries with their hashes, from pyproject.toml"
	@echo "make screenshots  the pictures in README and docs, of the site as it is"
	@echo "make client  docs/openapi.yaml and what it says in clients/, from the API as it is"
	@echo "make bench   how fast it reads and serves, into benchmarks/RESULTS.md and docs; the last part is bench-batches"
	@echo "make bench-rows, make bench-drift  the same with a million rows, and over fifty thousand readings"
	@echo "make bench-pen  how soon a drawing is read, in a browser, into benchmarks/RESULTS.md"
	@echo "make bench-peers FOLDERS=…  how well another reader reads the same pictures, into docs/accuracy.md"
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

$(BENCH_STAMP): requirements-bench.txt $(DEV_STAMP)
	$(PYTHON) -m pip install --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@

setup: $(RUN_STAMP) $(STATIC_STAMP)
	$(PYTHON) manage.py migrate --verbosity 0

$(STATIC_STAMP): $(RUN_STAMP) $(shell find static -type f)
	$(PYTHON) manage.py collectstatic --no-input --verbosity 0

port: $(RUN_STAMP)
	@$(PYTHON) -c "import socket; socket.create_server(('$(HOST)', $(PORT)))" 2>/dev/null \
	  || { echo "Port $(PORT) on $(HOST) is taken, or not this machine's: try make run PORT=8001" >&2; exit 1; }

# Two web processes, because one interpreter runs one thread at a time. They share rate limits in a folder.
run: export WEB_CONCURRENCY ?= 2
run: export CACHE_URL ?= filecache://$(CURDIR)/.limits
run: port setup
	@HTTPS=$${HTTPS:-off} HOST=$(HOST) PORT=$(PORT) THREADS=$(THREADS) exec $(PYTHON) -m honcho --no-colour start

backup: $(RUN_STAMP)
	$(PYTHON) manage.py backup $(TO)

# The fast tests, and the essential ones of tests/system. test-all runs all, each once.
FAST := not slow and (not system or essential)
PYTEST := $(PYTHON) -m pytest --numprocesses=auto --dist=loadfile --quiet
COVER ?=
# Tests that need PostgreSQL are skipped without it; in CI that is a failure.
POSTGRES := $(PYTHON) -c "import psycopg; psycopg.connect('$(TEST_POSTGRES_URL)', connect_timeout=3)" 2>/dev/null
NO_POSTGRES := echo "No PostgreSQL answers at $(TEST_POSTGRES_URL): its tests are skipped" >&2; test -z "$$CI"

test: check test-sqlite test-postgres

test-sqlite: $(DEV_STAMP)
	$(PYTEST) $(COVER) -m "$(FAST)"

test-postgres: $(DEV_STAMP)
	@if $(POSTGRES); then DATABASE_URL=$(TEST_POSTGRES_URL) $(PYTEST) -m "database and $(FAST)"; else $(NO_POSTGRES); fi

test-all: COVER := --cov --cov-append --cov-report=
test-all: $(DEV_STAMP)
	$(PYTHON) -m coverage erase
	$(MAKE) test COVER="$(COVER)"
	$(PYTEST) $(COVER) -m "not serial and not ($(FAST))"
	$(PYTEST) $(COVER) -m "serial" --numprocesses=0
	@if $(POSTGRES); then DATABASE_URL=$(TEST_POSTGRES_URL) $(PYTEST) -m "database and not ($(FAST))"; else $(NO_POSTGRES); fi
	$(PYTHON) -m coverage report

check: $(DEV_STAMP)
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-cache
	.venv/bin/codespell -D - -D docs/wording.txt README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md docs templates
	$(PYTHON) manage.py makemigrations --check --dry-run
	HTTPS=on $(PYTHON) manage.py check --deploy --fail-level WARNING

bench: $(BENCH_STAMP)
	$(PYTHON) -m benchmarks
	$(MAKE) bench-batches

bench-rows: $(BENCH_STAMP)
	$(PYTHON) -m benchmarks.rows

bench-drift: $(BENCH_STAMP)
	$(PYTHON) -m benchmarks.drift

bench-pen: $(BENCH_STAMP)
	$(PYTHON) -m benchmarks.pen

bench-peers: $(BENCH_STAMP)
	$(PYTHON) -m benchmarks.peers $(FOLDERS)

bench-batches: $(BENCH_STAMP)
	TEST_POSTGRES_URL=$(TEST_POSTGRES_URL) $(PYTHON) -m benchmarks.batches

crash-test: $(DEV_STAMP)
	CRASHES=100 $(PYTHON) -m pytest tests/system/live/test_crash.py
	KILLS=20 $(PYTHON) -m pytest tests/system/live/test_training.py -k death

# Starts its own servers, and as root its own network.
cluster-test: $(DEV_STAMP)
	$(PYTHON) -m pytest tests/system/cluster -rs

audit: $(DEV_STAMP)
	@if $(PYTHON) -c "import urllib.request as u; u.urlopen('https://pypi.org/pypi/pip/24.0/json', timeout=10)" 2>/dev/null; then \
	  $(PYTHON) -m pip_audit --strict --disable-pip --require-hashes -r requirements.txt; \
	else echo "Skipped: the source of known holes, pypi.org, is out of reach"; fi

sbom: $(DEV_STAMP)
	$(PYTHON) -m docs.sbom $(SBOM)

# uv is installed already, so this works even if the locks are out of date.
.venv/bin/uv:
	$(MAKE) $(DEV_STAMP)

LOCK := .venv/bin/uv pip compile --quiet --no-strip-extras

# requirements-dev.txt locks the site and its tools; the other files take their releases from it. Extras are kept, because
# pip treats a library without its extras as another one, and would install its newest release.
lock: .venv/bin/uv
	$(LOCK) pyproject.toml --group dev --output-file requirements-dev.txt
	$(LOCK) pyproject.toml --group training --constraints requirements-dev.txt --output-file requirements.txt
	$(LOCK) pyproject.toml --constraints requirements-dev.txt --output-file requirements-serve.txt
	$(LOCK) --group bench --constraints requirements-dev.txt --output-file requirements-bench.txt
	@# Without indentation: for thousands of hashes it takes 10 kB.
	@sed -i.bak 's/^    --hash/ --hash/' requirements*.txt && rm requirements*.txt.bak

screenshots: $(DEV_STAMP)
	$(PYTHON) -m docs.screenshots

# Always on SQLite: the schema contains the largest number of a column, which differs between databases.
client: $(DEV_STAMP)
	DATABASE_URL=sqlite:///:memory: $(PYTHON) manage.py spectacular --validate --fail-on-warn --file $(OPENAPI)
	rm -rf $(CLIENT)
	PATH="$(CURDIR)/.venv/bin:$$PATH" openapi-python-client generate --fail-on-warning --meta none --config clients/python.yaml \
	  --path $(OPENAPI) --output-path $(CLIENT)
	$(PYTHON) clients/operations.py $(OPENAPI) $(OPERATIONS)

catalogues: $(DEV_STAMP)
	$(PYTHON) -m docs.catalogues

clean:
	rm -rf .venv staticfiles .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage evaluation
