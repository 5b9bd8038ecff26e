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

app: packages/app/dist/index.html ## Build the page at /app, where its sources are newer

packages/app/dist/index.html: package-lock.json packages/app/build.ts packages/app/index.html $(wildcard packages/app/src/*) | install
	@$(run) app
	@touch $@

dev: app ## Serve on http://localhost:8000 with hot reload and a database of its own
	@case "$${APP_ENV:-development}" in development) ;; *) \
	  echo "make dev is for development, and APP_ENV is $$APP_ENV: there are make staging and make production." >&2; exit 2;; \
	esac; $(call serve,dev)

staging: app ## Serve with the settings of .env.staging, and secrets of .env.staging.local
	@export APP_ENV=staging; $(call serve,start)

production: app ## Serve with the settings of .env.production, and secrets of .env.production.local
	@export APP_ENV=production; $(call serve,start)

settings: install ## Check the settings, and start nothing: make settings ENV=production
	@APP_ENV="$${ENV:-$${APP_ENV:-development}}" $(run) settings

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

backup: install ## Back the database up to DATA_DIR/backups (.data/backups), and keep the newest 14: make backup KEEP=14
	@$(run) backups -- create --keep "$${KEEP:-14}"

restore: install ## Put a backup into an empty database, or with FORCE=1 any: make restore FILE=.data/backups/...
	@[ -n "$(FILE)" ] || { echo "Restore which backup? make restore FILE=.data/backups/parley-....dump (or where DATA_DIR is)" >&2; exit 2; }
	@$(run) backups -- restore $(if $(filter 1 yes true,$(FORCE)),--force) "$(FILE)"

openapi: install ## Write the API as openapi.json
	@$(run) openapi

openapi-baseline: install ## Take the API as it is for what clients may rely on: at a release, or to break them on purpose
	@$(run) openapi:baseline

client: install ## Generate a TypeScript client from openapi.json, in examples/generated
	@$(run) client

# Which environment a container is for. Not one that somebody happens to have a variable for.
compose = case "$(ENV)" in development|staging|production) ;; *) \
	  echo "For which environment? make $@ ENV=development, staging or production" >&2; exit 2;; esac; \
	docker compose version > /dev/null 2>&1 || { \
	  echo "This needs Docker with its compose plugin: https://docs.docker.com/compose/install" >&2; exit 1; }; \
	export APP_ENV=$(ENV) REVISION="$$(git rev-parse HEAD 2> /dev/null || echo unknown)"; docker compose --file

docker-build-env: ## Build the server's image: make docker-build-env ENV=production
	@$(compose) docker/compose.app.yml build

docker-run-env: ## Run it, for development with PostgreSQL and Redis; FULL=1 also with all that watches it
	@if [ -n "$(FULL)" ] && [ "$(ENV)" = development ]; then MONITORING_FULL=1 $(MAKE) monitoring-start; \
	else $(compose) docker/compose.$(if $(filter development,$(ENV)),yml,app.yml) up --build; fi

bench: app ## Measure the server
	@$(run) bench

soak: install ## Ten minutes of mixed traffic, and whether the server is flat: make soak SOAK_MINUTES=60
	@export SOAK_MINUTES=$${SOAK_MINUTES:-10}; $(run) soak

chaos: install ## Random conversations and faults, held against what must be true: make chaos CHAOS_RUNS=1000 CHAOS_SEED=42
	@export CHAOS_RUNS=$${CHAOS_RUNS:-1000} CHAOS_SEED=$${CHAOS_SEED:-$$(node -p 'crypto.randomInt(2 ** 31)')}; \
	echo "CHAOS_SEED=$$CHAOS_SEED CHAOS_RUNS=$$CHAOS_RUNS"; \
	$(run) test -- packages/server/src/Chat/TurnsInterleaved.test.ts packages/server/src/Chat/TurnsUnderFaults.test.ts

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

# Each takes flags: make monitoring-health ARGS="--json". make itself ends with 2 whatever they end with; for their exit
# codes: npm run monitoring:automation -- health.
automation = $(run) monitoring:automation -- $(1) $(ARGS)

monitoring-daily: install ## Report on yesterday, against the week before: make monitoring-daily ARGS="--help"
	@$(call automation,daily)

monitoring-costs: install ## Tell what model calls cost, and how to pay less
	@$(call automation,costs)

monitoring-health: install ## Look whether Parley and what watches it work; ARGS="--json", and so for all of these
	@$(call automation,health)

monitoring-backup: install ## Keep dashboards, rules and configurations in an archive, without their secrets
	@$(call automation,backup)

monitoring-suite: install ## All four, one after the other, and one summary
	@$(call automation,suite)

mutants: install ## Change every alert's threshold and operator, and see the tests notice
	@$(run) mutants

clean: ## Remove what was installed and generated, but not the data in .data
	@rm -rf node_modules packages/*/node_modules monitoring/node_modules coverage packages/app/dist

.PHONY: help install app dev staging production settings test test-coverage fuzz check format migrate migration backup restore \
  openapi openapi-baseline client docker-build-env docker-run-env bench soak chaos eval eval-quick eval-no-report \
  monitoring-dashboards monitoring-pictures monitoring-start monitoring-stop \
  monitoring-daily monitoring-costs monitoring-health monitoring-backup monitoring-suite mutants clean
