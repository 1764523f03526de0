# Every target is one line that works by hand as well. `make help` lists them.

.PHONY: build run console pictures test lint fmt bench interop sanitize fuzz docs plugin-docs rfc clean help

help: ## lists the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 16

build: ## builds everything for release
	scripts/setup.sh build && swift build -c release

run: ## builds the server and starts it on 127.0.0.1:2525 with run/config; options in ARGS
	@scripts/run.sh $(ARGS)

console: ## builds the console and starts it; options and servers in ARGS
	@scripts/console.sh $(ARGS)

pictures: ## makes the pictures of README anew, from the running programs
	@scripts/pictures.sh

test: ## all tests, of the packages and of whole servers
	@scripts/test.sh

lint: ## form, module rules, citations
	@scripts/lint.sh

fmt: ## formats all Swift sources
	swift format format --in-place --parallel --recursive $(wildcard Package.swift Sources Tests Examples Benchmarks)

bench: ## measures the release build beside smtp-sink; groups in BENCH
	@scripts/bench.sh

interop: ## mail and the admin endpoint with other programs (Postfix needs root)
	@scripts/interop.sh

sanitize: ## the tests under the thread sanitizer
	@scripts/sanitize.sh thread

fuzz: ## the fuzz tests with many rounds; their number in ROUNDS
	@scripts/fuzz.sh $(ROUNDS)

docs: ## the documentation of the libraries, into .build/docs
	@scripts/docs.sh

plugin-docs: ## makes the pages of docs/plugins out of the plugins' manuals
	@scripts/plugin-docs.sh docs/plugins

rfc: ## checks that every RFC that is cited stands in docs/rfc.md
	@scripts/rfc.sh

clean: ## removes what was built; run/ with its mail stays
	rm -rf .build .build-docs .build-tsan .build-asan .build-usan
