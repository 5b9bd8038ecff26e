# Every target installs what is missing first. `make help` lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory --no-builtin-rules

# npm puts node_modules/.bin first on PATH, and so the Node 24 that is installed there.
run := npm run --silent

# Ctrl-C reaches the server by itself and is how it is meant to end; SIGTERM reaches only make and is handed on.
serve = trap 'wait $$!; exit 0' INT; trap 'kill $$!; wait $$!; exit 0' TERM; $(run) $(1) & wait $$!

help: ## Show this list
	@if [ -t 1 ] && [ -z "$$NO_COLOR" ]; then on=$$(printf '\033[36m') off=$$(printf '\033[0m'); fi; \
	awk -F ':.*## ' -v on="$$on" -v off="$$off" \
	  '/^[a-z-]+:.*## / { printf "  %s%-21s%s  %s\n", on, $$1, off, $$2 }' $(MAKEFILE_LIST)

# Two makes at once must not install at once: the second waits and then finds nothing to do.
install: ## Install the dependencies, where they are missing or out of date
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2> /dev/null && command -v npm > /dev/null || { \
	  echo "Parley needs Node.js 20 or newer, and npm: https://nodejs.org has both." >&2; \
	  echo "Found: node $$(node --version 2> /dev/null || echo none), npm $$(npm --version 2> /dev/null || echo none)." >&2; \
	  exit 1; }
	@$(shell command -v flock > /dev/null && echo flock package-lock.json) $(MAKE) -s node_modules/.package-lock.json

# npm writes this file last, so an installation that was killed is begun again.
node_modules/.package-lock.json: package-lock.json package.json $(wildcard packages/*/package.json) monitoring/package.json node_modules/.bin/node
	@echo "Installing dependencies, about a minute the first time ..."
	@npm ci --no-audit --no-fund --loglevel=error
	@node_modules/.bin/node --version 2> /dev/null | grep -q '^v24\.' || { \
	  echo "The npm package node did not bring Node 24. It does so in its install script: set" >&2; \
	  echo "\`npm config set ignore-scripts false\`, and run \`make install\` again." >&2; \
	  exit 1; }
	@touch $@

node_modules/.bin/node:

dev: install ## Serve on http://localhost:8000 with hot reload and a database of its own
	@case "$${APP_ENV:-development}" in development) ;; *) \
	  echo "make dev is for development, and APP_ENV is $$APP_ENV: there are make staging and make production." >&2; exit 2;; \
	esac; $(call serve,dev)

staging: install ## Serve with the settings of .env.staging
	@export APP_ENV=staging; $(call serve,start)

production: install ## Serve with the settings of .env.production
	@export APP_ENV=production; $(call serve,start)

# TEST_REPORT names a folder for what failed (see .ci/run). Tests of what is missing do not run, which is a failure too,
# unless TEST_WITHOUT allows for it.
test: install ## Check, and run every test
	@missing=$$(.ci/tools); failed=; $(run) check || failed=check; \
	TEST_MISSING=$$missing $(run) test || failed="$$failed tests"; \
	for tool in $$missing; do case ",$$TEST_WITHOUT," in \
	  *,$$tool,*) echo "Not tested, as TEST_WITHOUT allows: what needs $$tool" >&2;; \
	  *) failed="$$failed $$tool";; \
	esac; done; \
	[ -z "$$TEST_REPORT" ] || echo $$failed > "$$TEST_REPORT/failed"; \
	[ -z "$$failed" ] || { echo "Failed:" $$failed >&2; exit 1; }

test-coverage: install ## Run every test and report the coverage
	@$(run) test:coverage

fuzz: install ## Send odd requests to every endpoint: make fuzz FUZZ_REQUESTS=2000
	@FUZZ_REQUESTS=$${FUZZ_REQUESTS:-2000} $(run) test -- packages/server/src/fuzz.test.ts --disable-console-intercept

check: install ## Check format, lint rules, types and Effect diagnostics
	@$(run) check

format: install ## Format the sources
	@$(run) format

migrate: install ## Bring the database up to date
	@$(run) migrate

migration: install ## Make a migration: make migration name=add_tags
	@[ -n "$(name)" ] || { echo "A migration needs a name: make migration name=add_tags" >&2; exit 2; }
	@$(run) migration -- "$(name)"

openapi: install ## Write the API as openapi.json
	@$(run) openapi

bench: install ## Measure the server
	@$(run) bench

eval: install ## Measure how good the answers are; asks what to measure: make eval ARGS=--help for more
	@$(run) eval -- run $(ARGS)

eval-quick: install ## The same with a small dataset and defaults, asking nothing
	@$(run) eval -- run --yes --dataset packages/evals/datasets/quick.jsonl $(ARGS)

eval-no-report: install ## The same, writing no file
	@$(run) eval -- run --yes --dataset packages/evals/datasets/quick.jsonl --no-report $(ARGS)

monitoring-dashboards: install ## Write Grafana's dashboards anew
	@$(run) monitoring:dashboards

monitoring-pictures: install ## Draw the dashboards, of some minutes of made-up traffic
	@$(run) monitoring:pictures

monitoring-start: install ## Start Prometheus, Alertmanager and Grafana; MONITORING_NATIVE=1 does without Docker
	@$(run) monitoring -- start

monitoring-stop: install ## Stop them
	@$(run) monitoring -- stop

mutants: install ## Change every alert's threshold and operator, and see the tests notice
	@$(run) mutants

clean: ## Remove what was installed and generated, but not the data in .data
	@rm -rf node_modules packages/*/node_modules monitoring/node_modules coverage

.PHONY: help install dev staging production test test-coverage fuzz check format migrate migration openapi bench \
  eval eval-quick eval-no-report monitoring-dashboards monitoring-pictures monitoring-start monitoring-stop mutants clean
