# make run: start the server with a demo clinic.  make test: every test on both databases.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8080
R4     := .cache/r4/package

.PHONY: run test check bench definitions reference clean help

help:
	@echo "make run    install, start on SQLite with a demo clinic at http://127.0.0.1:$(PORT)/fhir"
	@echo "make test   install, run every test on SQLite and PostgreSQL"
	@echo "make check  lint, types, layers, docs"
	@echo "make bench  benchmarks, printed as ratios"

$(VENV)/.run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.run
	$(BIN)/pip install --quiet --editable '.[test]'
	@touch $@

# The official R4 package: 555 examples for the tests. Without npm those tests say that they skip, and why.
$(R4)/package.json:
	@mkdir -p .cache/r4
	@if command -v npm >/dev/null; then \
	    cd .cache/r4 && npm pack --silent hl7.fhir.r4.examples@4.0.1 >/dev/null && tar xzf hl7.fhir.r4.examples-4.0.1.tgz; \
	else echo "npm is not installed: tests over the official R4 examples will be skipped"; fi

run: $(VENV)/.run
	$(BIN)/fhir-server demo --port $(PORT)

test: $(VENV)/.test check $(R4)/package.json
	$(BIN)/pytest -n auto

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

# Rebuild fhir_server/definitions/data from the official package.
definitions: $(VENV)/.run $(R4)/package.json
	$(BIN)/python -m fhir_server.definitions.compile $(R4)

# Rewrite docs/reference/settings.md and cli.md from the settings table and the commands.
reference: $(VENV)/.run
	$(BIN)/python -m fhir_server.cli.reference docs/reference

clean:
	rm -rf $(VENV) .cache
