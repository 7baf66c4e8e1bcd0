# What people type. `make run` needs Python 3.11 or newer and, the first time, the network.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
REAL_DATA ?= ../shared/data
PACKAGES := phr ingest notifications ops pages simulator vendor
ONLY ?=

.PHONY: run test bench check audit real faults lock messages miniprogram mosquitto screenshots scripts lighthouse
.DEFAULT_GOAL := run

# exec: a signal to make's child is a signal to the family, and Ctrl-C stops it before make returns.
run: $(VENV)/.run-ready mosquitto
	@exec $(PY) app.py dev

test: $(VENV)/.dev-ready mosquitto
	$(PY) -m pytest -n 3 --dist loadfile

bench: $(VENV)/.dev-ready mosquitto
	@$(PY) -m benchmarks $(ONLY)

check: $(VENV)/.dev-ready mosquitto scripts miniprogram
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy --strict $(PACKAGES) app.py
	$(VENV)/bin/lint-imports
	$(PY) -m pytest -n 3 --dist loadfile

real: $(VENV)/.dev-ready mosquitto
	REAL_DATA="$(REAL_DATA)" $(PY) -m tests.real

faults: $(VENV)/.dev-ready mosquitto
	FAULTS=whole $(PY) -m pytest tests/faults -n 0 -s --timeout=600

# Known holes in what is pinned. Asks the package index, so it is no part of check, which needs no network; --strict: what could
# not be looked up is a failure and not a pass.
audit: $(VENV)/.dev-ready
	$(PY) -m pip install --quiet pip-audit
	$(PY) -m pip_audit --strict --disable-pip --no-deps -r requirements.txt

# Pins what requirements*.in name and everything below them; the files hold no index address.
lock: $(VENV)/.dev-ready
	$(PY) -m pip install --quiet uv
	$(PY) -m uv pip compile --quiet --no-header --no-emit-index-url --upgrade requirements.in -o requirements.txt
	$(PY) -m uv pip compile --quiet --no-header --no-emit-index-url --upgrade requirements-dev.in -o requirements-dev.txt

# Debian keeps mosquitto in /usr/sbin, off a user's PATH. Root on Debian gets it without a question.
mosquitto:
	@PATH="$$PATH:/usr/sbin:/usr/local/sbin"; \
	command -v mosquitto >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing mosquitto"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mosquitto >/dev/null; \
	else \
	  echo "mosquitto, the MQTT broker, is missing. Install it once and start again:" >&2; \
	  echo "    sudo apt-get install -y mosquitto" >&2; \
	  echo "or let PHR_MQTT_URL name a broker of your own." >&2; \
	  [ -n "$$PHR_MQTT_URL" ]; \
	fi

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "Python's venv module is missing: sudo apt-get install -y python3-venv" >&2; exit 1; }

# The stamps are younger than the requirements they stand for.
$(VENV)/.run-ready: requirements.txt | $(PY)
	@echo "Installing what requirements.txt names"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev-ready: requirements-dev.txt | $(PY)
	@echo "Installing what requirements-dev.txt names"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.run-ready

# The texts of the pages, as they stand in templates, into the file that is translated; what is gone goes.
messages: $(VENV)/.dev-ready
	$(VENV)/bin/pybabel -q extract -F pages/babel.cfg --no-location --omit-header -o .messages.pot pages
	$(VENV)/bin/pybabel -q update -N --ignore-obsolete --no-wrap -i .messages.pot -l zh_Hans_CN -d pages/translations
	rm .messages.pot

# Every page in both languages, into docs/pictures; wants Debian's chromium and fonts-noto-cjk.
screenshots: $(VENV)/.dev-ready mosquitto
	$(PY) -m tests.browser.screenshots docs/pictures

# What Lighthouse says of the main pages on a phone; fetches it from npm, so it is no part of check.
lighthouse: $(VENV)/.dev-ready mosquitto
	$(PY) -m tests.browser.lighthouse

# Scripts and styles run in Chromium 86 and iOS 14 and later (pages/package.json); uPlot and jsQR are npm's, as they came.
scripts: pages/node_modules/.ready
	cd pages && npm run --silent lint
	cmp pages/static/vendor/uPlot.iife.min.js pages/node_modules/uplot/dist/uPlot.iife.min.js
	cmp pages/static/vendor/uPlot.min.css pages/node_modules/uplot/dist/uPlot.min.css
	cmp pages/static/vendor/jsQR.js pages/node_modules/jsqr/dist/jsQR.js

pages/node_modules/.ready: pages/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: sudo apt-get install -y nodejs npm" >&2; exit 1; }
	cd pages && npm ci --silent --no-audit --no-fund
	@touch $@

# The mini-program for WeChat: types, then its modules, components and pages on a phone that stands in for WeChat's.
miniprogram: clients/miniprogram/node_modules/.ready
	cd clients/miniprogram && npm run --silent check && npm test --silent

clients/miniprogram/node_modules/.ready: clients/miniprogram/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: sudo apt-get install -y nodejs npm" >&2; exit 1; }
	cd clients/miniprogram && npm ci --silent --no-audit --no-fund
	@touch $@

# Its modules as its tests, and tests/clients, have them.
clients/miniprogram/.built/.ready: clients/miniprogram/node_modules/.ready $(shell find clients/miniprogram/miniprogram -type f)
	cd clients/miniprogram && npm run --silent build
	@touch $@
