# What CI runs is here and nowhere else: .ci/run calls `make test check test-system`.

SHELL := /bin/bash
# The toolchain line of go.mod counts, also with GOTOOLCHAIN=local in the environment, unless it cannot be downloaded.
export GOTOOLCHAIN := $(shell GOTOOLCHAIN=auto go version >/dev/null 2>&1 && echo auto || echo local)
.DEFAULT_GOAL := help
.PHONY: help demo build dist release-dry-run test test-system test-v4l2 check race reference fuzz clean
.PHONY: bench

# make demo ARGS="...", make bench ARGS="..."
ARGS ?=
# how long each fuzz target runs
FUZZTIME ?= 60s
# which packages race looks at
PKG ?= ./...
# a semantic version, since NATS micro services must have one
VERSION ?= $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | sed 's/^v//' | grep . || \
	echo "$$(scripts/default-version.sh)+$$(git rev-parse --short HEAD 2>/dev/null || echo unknown)")

help: ## say what there is (this)
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## hub and four cameras in one process, on this machine only; needs nothing but Go; ARGS="..." goes to it
	@CGO_ENABLED=0 go run ./hub/cmd/bramble-hub demo $(ARGS)

build: ## static binaries with their version in bin/
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./agent/cmd/... ./hub/cmd/...

dist: ## static binaries and Debian packages for PCs and every Raspberry Pi in dist/; needs cross compilers
	@VERSION='$(VERSION)' scripts/dist.sh
	@VERSION='$(VERSION)' scripts/packages.sh

release-dry-run: ## every file of a release in dist/, which is emptied first, and their list; VERSION=1.2.0
	@scripts/release.sh '$(VERSION)'

test: ## every package, ffmpeg, a browser; installs what it needs if it may; 3 minutes, on a new machine 6
	@go build ./... & scripts/install-test-deps.sh || [ "$$CI" != true ] && wait
	@scripts/test.sh

test-system: ## the rest, with race detector: players, VM, containers, other processors; about 20 minutes
	@scripts/install-test-deps.sh system || [ "$$CI" != true ]
	@scripts/test.sh system

test-v4l2: ## of these the agent with V4L2 cameras, in a virtual machine; about 4 minutes
	@scripts/test-v4l2.sh

check: ## golangci-lint, known vulnerabilities, shellcheck, the page's types; about 4 minutes
	@scripts/check.sh

race: ## Go tests with the race detector, three times over; PKG=./hub/... for fewer
	go test -race -count=3 $(PKG)

reference: ## write the generated parts of docs/ref and the example configuration files
	@BRAMBLE_UPDATE_REFERENCE=1 go test -count=1 -run 'TestSettings|Reference' \
		./hub/cmd/bramble-hub ./agent/cmd/bramble-agent ./hub/internal/web

fuzz: ## every fuzz target for FUZZTIME (60s) each
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

bench: ## measure the hub, half an hour; ARGS="agent", "transcode", "outages", "cluster", "packages", "fanout", "--help"
	go run ./e2e/bench $(ARGS)

clean: ## remove what the targets above made
	rm -rf bin dist e2e/browser/node_modules
	go clean -testcache
