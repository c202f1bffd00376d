# make run     build, start a server on throw-away certificates and watch one driver's day
# make test    run everything
# make simulate  play the simulator's worlds for ever (SEEDS=n: so many, FROM=n: from there on)
# make serve   leave a server running and print the line that joins it
# make bench   the figures of docs/performance.md (needs redis-server)
# make fuzz    fuzz what takes bytes from strangers; SECONDS=600 for each target, TARGET=engine for one
# make wire    random conversations over real sockets against a model; EXAMPLES=2000
# make sanitize   the tests with threads and sockets under the thread and the address sanitizer
# make install PREFIX=/usr/local DESTDIR=   programs, manual pages, completion, units

BIN := .build/release

PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: run test simulate serve bench fuzz wire sanitize release install docs format clean

run: release
	@$(BIN)/hmmd --run '$(BIN)/hmm-client play --show Tests/Transcripts/day.hmm'

test:
	@scripts/setup test
	@scripts/test

SEEDS := 0
FROM := 0

simulate:
	@scripts/setup build
	@swift build -c release --product hmm-sim
	@$(BIN)/hmm-sim --from $(FROM) --seeds $(SEEDS)

serve: release
	@scripts/serve "$(BIN)"

release:
	@scripts/setup build
	@swift build -c release --product hmmd
	@swift build -c release --product hmm-client

bench: release
	@scripts/setup bench
	@Benchmarks/compare-redis

fuzz:
	@scripts/setup build
	@scripts/fuzz run $(or $(TARGET),all) $(or $(SECONDS),60)

wire: release
	@scripts/setup test
	@Tests/wire/run $(BIN) $(or $(EXAMPLES),1000)

sanitize:
	@scripts/setup build
	@scripts/sanitize thread
	@scripts/sanitize address

# What has been built already is not built again, so that root can install what somebody else has made.
install:
	@[ -x "$(BIN)/hmmd" ] && [ -x "$(BIN)/hmm-client" ] || $(MAKE) release
	@scripts/install "$(BIN)" "$(PREFIX)" "$(DESTDIR)"

# Rewrites the generated parts of docs/protocol.md, docs/operations.md and docs/configuration.md.
docs: release
	@$(BIN)/hmmd --dump-protocol markdown < docs/protocol.md > docs/protocol.md.new
	@mv docs/protocol.md.new docs/protocol.md
	@$(BIN)/hmmd --dump-protocol markdown < docs/operations.md > docs/operations.md.new
	@mv docs/operations.md.new docs/operations.md
	@$(BIN)/hmmd --dump-configuration < docs/configuration.md > docs/configuration.md.new
	@mv docs/configuration.md.new docs/configuration.md

format:
	@scripts/format --write

clean:
	@rm -rf .build .build-fuzz .build-tsan .build-asan .build-wire
