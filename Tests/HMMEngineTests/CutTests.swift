import HMMEngine
import HMMHarness
import HMMTranscript
import Testing

/// Every connection of every transcript, cut after each of the octets it sends, while the others go on.
@Suite struct CutTests {
    /// Those of the kernel are far too long for that.
    private static let files = TranscriptTests.files.filter { !$0.hasPrefix("kernel/") }

    @Test(arguments: files) func nothingDependsOnTheRest(_ file: String) throws {
        let moves = try PlayedMoves.of(file)
        var seen: [String: Int] = [:]
        var cuts = 0
        for (index, move) in moves.enumerated() {
            guard case .connect(let name, _) = move else { continue }
            seen[name, default: 0] += 1
            for length in 0...Self.sentLength(moves[index...], name) {
                try play(moves, cutting: name, number: seen[name, default: 0], after: length)
                cuts += 1
            }
        }
        #expect(cuts > 5)
    }

    /// Octets that a connection sends, up to the next of the same name.
    private static func sentLength(_ moves: ArraySlice<PlayedMoves.Move>, _ name: String) -> Int {
        var length = 0
        for move in moves.dropFirst() {
            switch move {
            case .connect(name, _): return length
            case .send(name, let octets): length += octets.count
            default: break
            }
        }
        return length
    }

    /// Plays it all, but for what the `number`th connection called `name` would send after `length` octets.
    private func play(_ moves: [PlayedMoves.Move], cutting name: String, number: Int, after length: Int) throws {
        var peer = EnginePeer()
        peer.checksState = false
        var count = 0
        var left = length
        var isCut = false
        for move in moves {
            switch move {
            case .connect(let other, _):
                if other == name {
                    count += 1
                    isCut = false
                }
                try peer.connect(other, tenant: "ci")
            case .send(name, let octets) where count == number:
                if isCut { break }
                try peer.send(Array(octets.prefix(left)), on: name)
                left -= octets.count
            case .send(let other, let octets): try peer.send(octets, on: other)
            case .wait(let milliseconds): try peer.advance(milliseconds: milliseconds)
            case .cut(let other): try peer.cut(other)
            }
            if count == number, left <= 0, !isCut {
                try peer.cut(name)
                isCut = true
                try #require(peer.tenant?.engine.violations() == [])
            }
        }
        try peer.leaveNothing()
    }
}
