# make run: start the server with a demo clinic.  make test: every test on both databases.
# 3.11 is what the tests run on; a newer Python will do.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --quiet --disable-pip-version-check
PORT   ?= 8080
R4     := .cache/r4/package

.PHONY: help run test check docs bench definitions reference clean

help:
	@echo "make run           install, load a demo clinic into fhir.db (SQLite), serve http://127.0.0.1:$(PORT)/"
	@echo "make run PORT=N    the same on another port; FHIR_* variables work too: docs/reference/settings.md"
	@echo "make test          install, make check, every test on SQLite and PostgreSQL"
	@echo "make check         lint, format, types, layers, docs"
	@echo "make bench         benchmarks, printed as ratios"
	@echo "make reference     rewrite docs/reference/settings.md and cli.md from the program"
	@echo "make definitions   rebuild the facts of R4 from the official package (needs npm)"
	@echo "make clean         remove the virtual environment and downloads; fhir.db stays"

$(VENV)/.run: pyproject.toml
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed: make run PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing into $(VENV); the first time takes a minute."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.run
	@echo "Installing what the tests need into $(VENV)."
	@$(PIP) install --editable '.[test]'
	@touch $@

# The official R4 package: 555 examples for the tests. Without npm those tests say that they skip, and why.
$(R4)/package.json:
	@mkdir -p .cache/r4
	@if command -v npm >/dev/null; then \
	    cd .cache/r4 && npm pack --silent hl7.fhir.r4.examples@4.0.1 >/dev/null && tar xzf hl7.fhir.r4.examples-4.0.1.tgz; \
	else echo "npm is not installed: tests over the official R4 examples will be skipped"; fi

run: $(VENV)/.run
	@$(BIN)/fhir-server demo --port $(PORT)

test: $(VENV)/.test check $(R4)/package.json
	$(BIN)/pytest -n auto

check: $(VENV)/.test docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Links lead somewhere, generated pages are up to date. No database is needed, so none is started.
docs: $(VENV)/.test
	FHIR_TEST_POSTGRES_URL=unused $(BIN)/pytest -q tests/docs/test_links.py tests/cli/test_commands.py -k 'links or modules or _md_'

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

# Rebuild fhir_server/definitions/data from the official package and UCUM's table, which comes with a test library.
definitions: $(VENV)/.test $(R4)/package.json
	$(BIN)/python -m fhir_server.definitions.compile $(R4)

# Rewrite docs/reference/settings.md and cli.md from the settings table and the commands.
reference: $(VENV)/.run
	$(BIN)/python -m fhir_server.cli.reference docs/reference

clean:
	rm -rf $(VENV) .cache
