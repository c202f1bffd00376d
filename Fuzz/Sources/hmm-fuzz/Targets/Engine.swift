import HMMProtocol

/// Several clients of a tenant, and time. The form is text, a thing that happens on each line, so that the fuzzer can
/// move lines about and a finding can be read:
///
/// ```
/// Amm.create     A sends a line; who speaks first connects
/// B|hello        B sends octets without a line end
/// +250           milliseconds pass
/// ^A             A acknowledges every event it was sent
/// -A             the transport of A goes
/// .              the server drains
/// ```
enum EngineTarget {
    private static let names = Set("ABCDEFGH".utf8)

    static func run(_ input: UnsafeRawBufferPointer) {
        var peer = EnginePeer()
        var steps = 0
        for line in input.split(separator: 10, maxSplits: 4000) {
            guard let first = line.first else { continue }
            let rest = Array(line.dropFirst())
            take(first, rest, &peer)
            steps += 1
            // The whole state after each step would make long inputs slow; after the last one it is always checked.
            if steps < 64 || steps.isMultiple(of: 64) { peer.check() }
        }
        peer.check()
        peer.leaveNothing()
    }

    private static func take(_ first: UInt8, _ rest: [UInt8], _ peer: inout EnginePeer) {
        if names.contains(first) {
            let name = String(UnicodeScalar(first))
            if peer.connections[name]?.isClosed != false { peer.connect(name, tenant: "ci") }
            return peer.send(rest.first == UInt8(ascii: "|") ? Array(rest.dropFirst()) : rest + [10], on: name)
        }
        let text = String(decoding: rest, as: UTF8.self)
        switch first {
        case UInt8(ascii: "+"): peer.advance(milliseconds: min(UInt64(text) ?? 1, 200_000_000))
        case UInt8(ascii: "^"): peer.acknowledge(text)
        case UInt8(ascii: "-"): peer.cut(text)
        case UInt8(ascii: "."): peer.drain()
        default: break
        }
    }
}
