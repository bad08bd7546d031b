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

# The pictures that the documentation names.
PICTURES = $(sort $(notdir $(shell grep -oh 'pictures/[a-z0-9-]*\.png' doc/*.md)))

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
	go test $(RACE) -shuffle=on -timeout=30m ./...

.PHONY: test-postgres
test-postgres: peers ## all tests that have to do with the store, with the data in PostgreSQL
	STAYPUT_TEST_STORE=postgres go test $(RACE) -shuffle=on -timeout=30m ./internal/store ./internal/registry
	STAYPUT_TEST_STORE=postgres go test -shuffle=on -timeout=30m \
		./internal/publish ./internal/mail ./internal/notice ./internal/signin ./internal/api ./internal/daemon ./internal/cli \
		./internal/webhook ./internal/privacy ./internal/web ./test/

.PHONY: fast
fast: ## the tests of what changed, without the race detector
	go test -short ./...

.PHONY: lint
lint: ## vet, lint and check the formatting
	$(TOOL) golangci-lint run ./...
	cd tools && go tool golangci-lint run ./...

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
soak: ## crash and power-loss tests with many rounds, then soak-cluster (as root); takes hours
	STAYPUT_SOAK=1 go test -count=1 -timeout=8h -v -run='Crash|Power' ./test/...
	@$(MAKE) --no-print-directory soak-cluster

.PHONY: flood
flood: ## a minute of 10,000,000 bad packets and 5,000 slow TCP clients; prints what became of it
	STAYPUT_FLOOD=1 go test -count=1 -timeout=20m -v -run='^TestFlood$$' ./test/

.PHONY: soak-cluster
soak-cluster: ## 10 minutes in which everything happens to three nodes, a primary and its standby that may happen (as root)
	STAYPUT_CLUSTER=10m go test -count=1 -timeout=60m -v -run='^TestCluster$$' ./test/

.PHONY: soak-secondaries
soak-secondaries: ## 5 minutes of 1,000 updates a second in a zone of 1,000,000 hosts that BIND, Knot and NSD follow, after 2 minutes behind a Knot
	STAYPUT_SECONDARIES=1 go test -count=1 -timeout=20m -v -run='^TestSecondariesSoak$$' ./test/

.PHONY: soak-cutoff
soak-cutoff: ## BIND, Knot and NSD catch up after they were cut off for 10 minutes (as root)
	STAYPUT_CUTOFF=10m go test -count=1 -timeout=30m -parallel=4 -v -run='^TestSecondariesCutOff$$' ./test/

.PHONY: soak-push
soak-push: ## 10,000 updates pushed into BIND, Knot and PowerDNS, each frozen, killed, stopped and restarted
	STAYPUT_PUSH=1 go test -count=1 -timeout=60m -v -run='^TestPushSoak$$' ./test/

.PHONY: looks
looks: peers ## every page in Chromium, on a phone and a wide screen, in light and dark: axe-core, the console, the width, the weight
	STAYPUT_LOOKS=1 go test -count=1 -timeout=30m -run='^(TestLooks|TestEveryPageIsLookedAt|TestWeight)$$' ./internal/web

.PHONY: screenshots
screenshots: peers ## pictures of all pages and of a journey in dist/screenshots, and those of the documentation
	STAYPUT_SCREENSHOTS=$(abspath $(DIST))/screenshots go test -count=1 -timeout=30m -run='^TestLooks$$' ./internal/web
	STAYPUT_SCREENSHOTS=$(abspath $(DIST))/screenshots go test -count=1 -timeout=30m -run='^TestJourney' ./test
	rm -f doc/pictures/*.png
	cp $(addprefix $(DIST)/screenshots/,$(PICTURES)) doc/pictures/

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

.PHONY: bench-pages
bench-pages: ## how long the pages that list and search take among 1,000,000 hosts
	$(BENCH) pages $(BENCHFLAGS)

.PHONY: bench-push
bench-push: ## updates that reach BIND, Knot and PowerDNS by push, beside clients that send them UPDATEs
	$(BENCH) push $(BENCHFLAGS)

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

.PHONY: bench-cluster
bench-cluster: ## nodes on one PostgreSQL: updates, how soon others answer them, starts, queries
	$(BENCH) cluster $(BENCHFLAGS)
	$(BENCH) lag $(BENCHFLAGS)
	$(BENCH) starts -rounds 3 $(BENCHFLAGS)
	$(BENCH) queries -cluster -rounds 10 $(BENCHFLAGS)

.PHONY: scale
scale: ## what a cluster costs for each host and update, and what that predicts; fails where doc/scale.md is too far off
	$(BENCH) scale $(BENCHFLAGS)

.PHONY: bench-upgrade
bench-upgrade: ## queries lost by upgrades: 1,000,000 hosts, 20,000 queries a second by dnsperf
	bench/upgrade
