# Every target works from a fresh clone. `make` alone explains them.

GO       ?= go
BIN      ?= bin/sanmon
FUZZTIME ?= 15s
BENCH    ?=
SOAK     ?= 10m
export GOFLAGS ?= -mod=readonly

.PHONY: help build waf test unit python e2e deps lint bench fuzz soak demo clean
.DEFAULT_GOAL := help

help: ## show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

build: ## build the static binary bin/sanmon
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN) ./cmd/sanmon

waf: ## build bin/sanmon-waf, with the web application firewall in it (docs/waf.md)
	GOWORK=$(CURDIR)/waf/go.work CGO_ENABLED=0 $(GO) build -trimpath -tags waf,no_fs_access -o $(BIN)-waf ./cmd/sanmon

deps: ## install what the tests use beside Go, and say what is missing
	@scripts/testdeps.sh

lint: ## gofmt, go vet, staticcheck
	@scripts/check.sh

# Some end-to-end tests measure time, so these run when nothing else does: first those, one
# after the other, then the others side by side, for they mostly wait. Both parts run
# whatever the other says; the status is the worse one.
test: deps ## everything: static checks, all tests with the race detector, end to end
	@status=0; \
	scripts/check.sh || status=1; \
	$(GO) test -race -timeout 8m $$($(GO) list ./... | grep -v '/e2e\(/\|$$\)') || status=1; \
	(cd waf && $(GO) test -race -timeout 4m ./...) || status=1; \
	scripts/python.sh || status=1; \
	$(GO) test -race -timeout 12m -parallel 3 -count=1 ./e2e/... || status=1; \
	exit $$status

unit: ## the tests that need nothing but Go
	$(GO) test -timeout 8m $$($(GO) list ./... | grep -v '/e2e\(/\|$$\)')
	cd waf && $(GO) test -timeout 4m ./...

python: deps ## the package for Python backends: types, tests, wheel
	@scripts/python.sh

e2e: deps ## the built binary against real backends, browsers and databases
	$(GO) test -timeout 12m -parallel 3 -count=1 ./e2e/...

bench: ## measure against a bare reverse proxy (BENCH="-rounds 5 -json 6s" …)
	@scripts/testdeps.sh bench
	$(GO) run ./bench $(BENCH)

fuzz: ## every fuzz target for FUZZTIME (15s) each
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

soak: deps ## everything at once for SOAK (10m): what the server holds must not grow
	SANMON_SOAK=$(SOAK) $(GO) test -run '^TestSoak$$' -count=1 -v -timeout 0 ./e2e

demo: build ## a guarded demo backend on localhost
	$(BIN) demo

clean: ## remove what was built and installed here
	rm -rf bin .cache
