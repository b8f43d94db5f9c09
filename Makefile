# What a developer does with this repository. make test is what CI runs.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
PACKAGES ?= ./...

.PHONY: build run test deps check static platforms bench bench-peers bench-parts bench-catalogue bench-fill bench-footage soak-catalogue soak soak-kill soak-disk soak-memory soak-chaos soak-readers soak-day e2e-long fuzz lint fmt generate

# The binary is static: no cgo, no libc to match.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -o spool ./cmd/spool

run: build
	./spool

# Packages that bring servers, browsers or many processes along: one at a time,
# their tests side by side, for most of them wait. The others go in pairs.
HEAVY = api cmd/spool cmd/spool/server cmd/spool/e2e sinks/metadata sinks/mp4
MODULE = github.com/gospool/spool
ALL = $(filter-out $(MODULE)/cmd/spool/platforms,$(shell $(GO) list $(PACKAGES)))
TESTED_ALONE = $(filter $(HEAVY:%=$(MODULE)/%),$(ALL))
TESTED_IN_PAIRS = $(filter-out $(HEAVY:%=$(MODULE)/%),$(ALL))
# These packages use calls that only Linux has. The tag portable selects their form for other systems.
PORTABLE = pipeline/filesystem pipeline/durable sinks/mp4/disk stages/ingest/file
TESTED_PORTABLE = $(filter $(PORTABLE:%=$(MODULE)/%),$(ALL))

# Tests run with the race detector, which SQLite does without: it is C, translated to Go, and the
# detector sees no memory outside Go's heap. With it, each statement costs ten times as much.
UNCHECKED = -race=false -d=checkptr=0
RACE = -race -gcflags='modernc.org/sqlite/lib=$(UNCHECKED)' -gcflags='modernc.org/libc=$(UNCHECKED)'

# Tests run against real tools: ffmpeg, a browser, database servers.
test: deps check static
	@bad=0; \
	$(if $(TESTED_IN_PAIRS),$(GO) test $(RACE) -timeout 30m -p 2 $(TESTED_IN_PAIRS) || bad=1;) \
	$(if $(TESTED_ALONE),$(GO) test $(RACE) -timeout 75m -p 1 -parallel 6 $(TESTED_ALONE) || bad=1;) \
	$(if $(TESTED_PORTABLE),$(GO) test $(RACE) -tags portable -timeout 30m $(TESTED_PORTABLE) || bad=1;) \
	exit $$bad

deps:
	.ci/deps

check:
	@bad=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$bad" ]; then echo "not formatted, run make fmt:" >&2; echo "$$bad" >&2; exit 1; fi
	$(GO) vet $(PACKAGES)
	cd bench/peers && $(GO) vet ./...

static: build
	@ldd spool 2>&1 | grep -qi 'not a .*dynamic' || { echo "spool is linked dynamically:" >&2; ldd spool >&2; exit 1; }
	./spool version

# The platforms that spool is meant for: see sinks/README.md. The first command type-checks all packages for
# each of them, from source. A full build of the program for a platform whose dependencies are not in the build
# cache takes minutes, so it is made for those of COMPILED; COMPILED='$(PLATFORMS)' compiles all. Of the
# platforms besides linux/amd64, only linux/386 runs here, if the kernel has it: its tests find integers that overflow 32 bits.
PLATFORMS = linux/arm64 linux/arm linux/386 linux/riscv64 darwin/amd64 darwin/arm64 freebsd/amd64 windows/amd64
COMPILED ?= linux/386 windows/amd64
TESTED_ON_386 = ./pipeline/... ./sinks/mp4/... ./sinks/retention
platforms: deps
	$(GO) test -count 1 -v ./cmd/spool/platforms
	@set -e; for p in $(COMPILED); do \
		echo "== $$p"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} GOARM=7 $(GO) build -o /dev/null ./cmd/spool; \
	done
	@if CGO_ENABLED=0 GOARCH=386 $(GO) test -run '^$$' ./pipeline/bytesize >/dev/null; then \
		CGO_ENABLED=0 GOARCH=386 $(GO) test -timeout 30m $(TESTED_ON_386); \
	else \
		echo "this kernel runs no programs of 32 bits: the tests are compiled and checked only" >&2; \
		CGO_ENABLED=0 GOARCH=386 $(GO) vet $(TESTED_ON_386); \
	fi

# What recording costs on this machine, in less than ten minutes: bench/README.md says what each
# table means. The last table has the targets. Go's own benchmarks of the parts: make bench-parts.
BENCH = $(or $(TMPDIR),/tmp)/spool-bench-results
bench: build
	rm -rf $(BENCH) && mkdir -p $(BENCH)
	./spool bench mux --runs 7 --flush-interval 1s --length 60s,300s --json $(BENCH)/mux.json
	./spool bench mux --runs 5 --bitrate 1M,10M,100M --length 120s --format mp4 --flush-interval 1s --json $(BENCH)/mux-bitrates.json
	./spool bench pipeline --runs 5 --length 300s --streams 1 --json $(BENCH)/pipeline.json
	./spool bench pipeline --runs 5 --length 20s --bitrate 1M --streams 10,100,400 --json $(BENCH)/pipeline-streams.json
	./spool bench finalise --runs 5 --warm 0 --json $(BENCH)/finalise.json
	./spool bench repair --runs 5 --warm 0 --json $(BENCH)/repair.json
	./spool bench mux --runs 7 --codec all --bitrate 1M --length 300s --flush-interval 1s --json $(BENCH)/mux-codecs.json
	./spool bench repair --runs 7 --codec all --bitrate 1M --json $(BENCH)/repair-codecs.json
	./spool bench remux --runs 5 --json $(BENCH)/remux.json
	./spool bench start --runs 11 --json $(BENCH)/start.json
	./spool bench live --runs 3 --in-phase --json $(BENCH)/live.json
	./spool bench play --runs 3 --span 30m --files 6
	cd bench/peers && $(GO) run ./peersbench --json $(BENCH)/peers.json
	./spool bench targets $(BENCH)/*.json

# spool and other MP4 libraries on the same movie, each with its best use.
bench-peers:
	cd bench/peers && $(GO) run ./peersbench

bench-parts:
	$(GO) test -run '^$$' -bench . -benchmem $(PACKAGES)

# The tests again and again, in random order, to find what fails seldom.
soak: soak-kill soak-chaos soak-readers
	$(GO) test $(RACE) -count 20 -shuffle on -timeout 3h $(PACKAGES)

# Runs tests of a package by name, and fails if one does not exist or is skipped.
SOAK = GO='$(GO)' .ci/soak

# Recorders of eight streams are killed a thousand times, four side by side, and
# every file they leave is played. Prints how much was lost.
soak-kill:
	SOAK_KILLS=1000 $(SOAK) ./cmd/spool/e2e TestKilledAtRandomInstants -timeout 3h -parallel 4

# Eight recordings fill a filesystem of 64 MiB for five minutes.
soak-disk:
	E2E_LONG=1 $(SOAK) ./cmd/spool/e2e TestASmallDiskIsFilledForEver -timeout 30m

# Real clients at full length: 30 s clips, twenty streams of 4 Mbit/s for 60 s.
e2e-long: deps
	E2E_LONG=1 $(GO) test $(RACE) -count 1 -timeout 30m ./cmd/spool/e2e

# A million rows in each database: the median of every question, and its plan.
bench-catalogue: deps
	$(GO) test -run '^$$' -bench '^BenchmarkPage$$' -benchtime 100x -v -timeout 30m ./sinks/metadata

# A million rows of before get their locations: the time, the longest batch, the memory.
bench-fill: deps
	$(GO) test -run '^$$' -bench '^BenchmarkFill$$' -benchtime 1x -timeout 30m ./sinks/metadata

# A hundred clients read a gigabyte, from spool and from nginx.
bench-footage: deps
	$(GO) test -run '^$$' -bench '^BenchmarkFootage$$' -benchtime 10x -timeout 10m ./cmd/spool/e2e

# The database is away for a minute, in every way, in the middle of twenty
# recordings; and fifty kills on each database.
soak-catalogue: deps
	E2E_LONG=1 $(SOAK) ./cmd/spool/e2e 'TestRecordingsDoNotNoticeThatTheDatabaseIsAway TestAfterAKillRowsAreFiles' -timeout 30m

# Fifty streams for a minute on a disk that is stopped, within memory.max: the
# resident memory of the program, and what of its pool.
soak-memory:
	E2E_LONG=1 $(SOAK) ./cmd/spool/e2e TestMemoryWhileTheDiskIsStopped -timeout 10m
	SPOOL_OVERLOAD_STREAMS=50 $(SOAK) ./sinks/mp4 TestAStoppedDiskCostsTheLeastImportant -timeout 10m

# Twenty streams in files of five seconds for SOAK_LENGTH: 24 minutes have as many files as a day has with files of five
# minutes. Prints RSS, goroutines, descriptors, journal and database, which stay flat.
SOAK_LENGTH ?= 24m
soak-day: deps
	SOAK_LENGTH=$(SOAK_LENGTH) $(SOAK) ./cmd/spool/e2e TestTheFootprintOfTwentyStreamsStaysFlat -timeout 13h

# Readers of each protocol come, stand still and vanish at random, for five minutes of two recordings.
soak-readers: deps
	SOAK_LAPS=38 $(SOAK) ./cmd/spool/e2e TestReadersComeAndGoWhileStreamsAreRecorded -timeout 20m

# Ten minutes of every attack that rtsptest knows, at once, while twenty streams are
# recorded: no access unit is lost, and memory.max holds.
soak-chaos:
	E2E_LONG=1 $(SOAK) ./cmd/spool/e2e TestChaos -timeout 30m

# Every fuzz target of every package, one after another, for FUZZTIME each. Ends at
# the first finding, whose input is then in the package's testdata/fuzz.
FUZZTIME ?= 1m
fuzz:
	@set -e; for package in $$($(GO) list $(PACKAGES)); do \
		targets=$$($(GO) test -list '^Fuzz' $$package); \
		for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "== $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $(FUZZFLAGS) $$package; \
		done; \
	done

lint:
	@if command -v golangci-lint >/dev/null; then golangci-lint run; \
	else $(GO) vet $(PACKAGES) && $(GO) run $(STATICCHECK) $(PACKAGES); fi

fmt:
	gofmt -w $$(git ls-files --cached --others --exclude-standard '*.go')

# configs/reference.yaml and whatever else is made from the code.
generate:
	$(GO) generate ./...
