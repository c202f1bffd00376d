# make run     build, start a server on throw-away certificates and watch one driver's day
# make test    run everything
# make simulate  play the simulator's worlds for ever (SEEDS=n: so many, FROM=n: from there on)
# make serve   leave a server running and print the line that joins it
# make bench   the figures of docs/performance.md (needs redis-server)

BIN := .build/release

.PHONY: run test simulate serve bench release docs format clean

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
	@scripts/serve $(BIN)

release:
	@scripts/setup build
	@swift build -c release --product hmmd
	@swift build -c release --product hmm-client

bench: release
	@scripts/setup bench
	@Benchmarks/compare-redis

# Rewrites the generated parts of docs/protocol.md.
docs: release
	@$(BIN)/hmmd --dump-protocol markdown < docs/protocol.md > docs/protocol.md.new
	@mv docs/protocol.md.new docs/protocol.md

format:
	@scripts/format --write

clean:
	@rm -rf .build
