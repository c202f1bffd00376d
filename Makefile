# make run     build, start a server on throw-away certificates and watch one driver's day
# make test    run everything
# make serve   leave a server running and print the line that joins it
# make bench   the figures of docs/performance.md (needs redis-server)

BIN := .build/release

.PHONY: run test serve bench release docs format clean

run: release
	@$(BIN)/hmmd --run '$(BIN)/hmm-client play --show Tests/Transcripts/day.hmm'

test:
	@scripts/setup test
	@scripts/test

serve: release
	@scripts/serve $(BIN)

release:
	@scripts/setup build
	@swift build -c release --product hmmd
	@swift build -c release --product hmm-client

bench: release
	@scripts/setup bench
	@Benchmarks/compare-redis

# Rewrites the generated parts of docs/protocol.md and docs/configuration.md.
docs: release
	@$(BIN)/hmmd --dump-protocol markdown < docs/protocol.md > docs/protocol.md.new
	@mv docs/protocol.md.new docs/protocol.md
	@$(BIN)/hmmd --dump-configuration < docs/configuration.md > docs/configuration.md.new
	@mv docs/configuration.md.new docs/configuration.md

format:
	@scripts/format --write

clean:
	@rm -rf .build
