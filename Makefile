# Stayput's chores. `make help` lists them; GNU make 4.3 or later.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# What the binary says of itself: the last tag and what came after it.
VERSION := $(or $(VERSION),$(shell git describe --tags --always --dirty 2>/dev/null),dev)
# The architecture of the package: amd64 or arm64.
ARCH := $(or $(ARCH),$(shell go env GOARCH))
# Where packages come.
DIST ?= dist
# How long each fuzz target runs.
FUZZTIME ?= 60s
# Further arguments of the benchmarks, as in `make bench-load BENCHFLAGS=-hosts=100000`.
BENCHFLAGS ?=

LDFLAGS := -s -w -buildid= -X main.version=$(VERSION)
GOBUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='$(LDFLAGS)'
TOOL    := go tool -modfile=tools/go.mod
BENCH   := go run ./bench/cmd/stayput-bench
# The race detector wants a C compiler; without one the tests run without it.
RACE     = $(if $(shell command -v $$(go env CC)),-race)

# Figures disturb one another, and most other chores fill the machine alone.
.NOTPARALLEL:

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

## Building

.PHONY: build
build: ## build bin/stayput: static, reproducible
	$(GOBUILD) -o bin/stayput ./cmd/stayput

.PHONY: demo
demo: build ## run a seeded throw-away instance on 127.0.0.1 that says what to try
	@exec bin/stayput demo

.PHONY: deb
deb: ## build dist/stayput_VERSION_ARCH.deb (ARCH=amd64 or arm64)
	GOOS=linux GOARCH=$(ARCH) $(GOBUILD) -o $(DIST)/linux-$(ARCH)/stayput ./cmd/stayput
	packaging/build-deb '$(VERSION)' $(ARCH) $(DIST)/linux-$(ARCH)/stayput $(DIST)

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist

## Checking

.PHONY: peers
peers: ## install the DNS servers and clients that the tests speak to (Debian, as root)
	@test/install-peers

.PHONY: test
test: peers ## all tests, with the race detector and against real DNS servers and clients
	go vet ./...
	go test $(RACE) -shuffle=on -timeout=15m ./...

.PHONY: fast
fast: ## the tests of what changed, without the race detector
	go test -short ./...

.PHONY: lint
lint: ## vet, lint and check the formatting
	$(TOOL) golangci-lint run ./...

.PHONY: format
format: ## format all Go code as `make lint` wants it
	$(TOOL) gofumpt -w .

.PHONY: fuzz
fuzz: ## fuzz each parser for FUZZTIME (60s)
	test/fuzz-each $(FUZZTIME)

.PHONY: fuzz-ci
fuzz-ci: ## fuzz each parser for ten seconds
	test/fuzz-each 10s

.PHONY: soak
soak: ## crash and power-loss tests with many rounds; takes hours
	STAYPUT_SOAK=1 go test -count=1 -timeout=8h -v -run='Crash|Power' ./test/...

.PHONY: vulns
vulns: ## look up known faults of our dependencies (asks vuln.go.dev)
	$(TOOL) govulncheck ./...

## Measuring; bench/README.md tells how to read the figures

.PHONY: bench
bench: bench-updates bench-openloop bench-nochg bench-return bench-load bench-flat bench-dns ## all benchmarks, one after another

.PHONY: bench-updates
bench-updates: ## updates a second, and how long each waits
	$(BENCH) updates $(BENCHFLAGS)

.PHONY: bench-openloop
bench-openloop: ## latency of updates that arrive at a fixed rate
	$(BENCH) openloop $(BENCHFLAGS)

.PHONY: bench-nochg
bench-nochg: ## updates that change nothing
	$(BENCH) nochg $(BENCHFLAGS)

.PHONY: bench-return
bench-return: ## everybody comes back at once
	$(BENCH) return $(BENCHFLAGS)

.PHONY: bench-load
bench-load: ## from process start to the first answer
	$(BENCH) load $(BENCHFLAGS)

.PHONY: bench-flat
bench-flat: ## update latency while the zone grows
	$(BENCH) flat $(BENCHFLAGS)

.PHONY: bench-queries
bench-queries: ## queries per second of server CPU
	$(BENCH) queries $(BENCHFLAGS)

.PHONY: bench-dns
bench-dns: ## the query path: small and large zones, realistic load, latency, beside updates
	$(BENCH) queries -rounds 10 $(BENCHFLAGS)
	$(BENCH) queries -rounds 10 -hosts 1000000 $(BENCHFLAGS)
	$(BENCH) queries -rounds 10 -realistic $(BENCHFLAGS)
	$(BENCH) queries -rounds 10 -unpinned -servers stayput,knot $(BENCHFLAGS)
	$(BENCH) queries -rounds 10 -latency -servers stayput,knot $(BENCHFLAGS)
	$(BENCH) queries -rounds 10 -updates 2000 $(BENCHFLAGS)

.PHONY: bench-upgrade
bench-upgrade: ## queries lost by upgrades: 1,000,000 hosts, 20,000 queries a second by dnsperf
	bench/upgrade
