# Two commands do all the set-up on a fresh Debian 12: make demo, make test. As root: make install, make uninstall.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PREFIX ?= /opt/xueliang-monitor
PURGE ?= 0
SECONDS ?= 60
WORKERS ?= 8
TIMED_WORKERS ?= 3

.PHONY: demo install uninstall test soak test-packages lint fuzz audit docs references versions wheel bench lock clips clean

demo: $(VENV)/installed
	$(BIN)/xueliang demo $(ARGS)

# PREFIX=/opt/xueliang-monitor; nothing is started. DESTDIR stages the files for a package. Uninstalling keeps settings and
# state, unless PURGE=1.
install:
	@DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" PYTHON="$(PYTHON)" sh deploy/systemd/install.sh

uninstall:
	@PREFIX="$(PREFIX)" PURGE="$(PURGE)" sh deploy/systemd/uninstall.sh

# Most tests wait, so there are more workers than cores; those that measure time run three at a time. ARGS=tests/probing/test_stream.py
test: test-packages $(VENV)/installed-dev lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not timed" $(ARGS) || [ $$? -eq 5 ]
	$(BIN)/python -m pytest -n $(TIMED_WORKERS) --dist loadfile --no-loadscope-reorder -m timed $(ARGS) || [ $$? -eq 5 ]

# The tests of endurance in full: hundreds of kills, whole days of a fleet and of a picture, a recorder of forty channels.
soak: test-packages $(VENV)/installed-dev
	XUELIANG_SOAK=1 $(BIN)/python -m pytest -n $(WORKERS) $(ARGS) tests/test_killed.py tests/test_killed_fleet.py \
	    tests/storage/test_history.py tests/judgement tests/test_infrared_nights.py tests/test_restarted_looks.py \
	    tests/test_simulated_days.py tests/cli/test_camera_channels.py tests/web/test_api_schema.py

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# SECONDS=300 by night; prints how many inputs each parser took.
fuzz: $(VENV)/installed-dev
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

# Rules of bandit, known vulnerabilities of the locked dependencies, committed secrets.
audit: $(VENV)/installed-dev
	$(BIN)/python -m tools.audit

# Quick tests with the other versions of Python that are installed, by name or by pyenv.
versions:
	@WORKERS=$(WORKERS) sh tools/test-versions.sh 3.12 3.13

# The documentation as a static site that needs no network; warnings, broken links and stale references are errors.
docs: $(VENV)/installed-dev
	$(BIN)/python -m tools.docs.build $(VENV)/share/doc/xueliang-monitor/html

# Write the generated pages of docs/ again, after a change of settings, faults, metrics, commands, routes or tables.
references: $(VENV)/installed-dev
	$(BIN)/python -m tools.docs.references

# The wheel in an environment of its own, with the locked dependencies: demo, simulate and check from an empty folder.
wheel: $(VENV)/installed-dev
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w build/wheel .
	sh tools/check-wheel.sh $(BIN)/python "$$(pwd)"/build/wheel/*.whl

bench: test-packages $(VENV)/installed-dev
	$(BIN)/python -m benchmarks.one_check
	$(BIN)/python -m benchmarks.many_visits
	$(BIN)/python -m benchmarks.device
	$(BIN)/python -m benchmarks.year
	$(BIN)/python -m benchmarks.month
	$(BIN)/python -m benchmarks.scrape
	$(BIN)/python -m benchmarks.file_pickup
	$(BIN)/python -m benchmarks.page
	$(BIN)/python -m benchmarks.fleet_load
	$(BIN)/python -m benchmarks.strangers

test-packages:
	@sh tools/test-packages.sh

$(VENV)/bin/python:
	@sh tools/venv-package.sh $(PYTHON)
	$(PYTHON) -m venv $(VENV)

$(VENV)/bin/pip-compile: | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet pip-tools

$(VENV)/installed: requirements.lock requirements-build.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock -r requirements-build.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Renew the locks: of the program, of what builds it, and of both with all that development needs. They hold hashes and
# no index addresses.
COMPILE = $(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
    --no-emit-find-links --no-annotate --no-header
lock: | $(VENV)/bin/pip-compile
	$(COMPILE) --extra relay -o requirements.lock pyproject.toml
	$(COMPILE) --only-build-deps --build-deps-for editable -c requirements.lock -o requirements-build.lock pyproject.toml
	$(COMPILE) --all-build-deps --extra dev --extra docs -c requirements.lock -c requirements-build.lock \
	    -o requirements-dev.lock pyproject.toml

clips: $(VENV)/installed-dev
	$(BIN)/python -m tools.make_clips xueliang_monitor/simulator/clips

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
