// What one request costs between the TLS library and the TLS library: parse, engine, answer. No sockets.
import HMMEngine
import HMMProtocol

/// What a server does with the plaintext of one read.
func feed(
    _ bytes: [UInt8], _ connection: ConnectionID, _ engine: inout Engine, _ reader: inout RequestReader,
    _ effects: inout Effects
) {
    bytes.withUnsafeBytes { input in
        var offset = 0
        while let item = reader.next(input, &offset) {
            engine.handle(item, from: connection, at: Instant(nanoseconds: 0), into: &effects)
        }
    }
}

/// Runs a batch of equal-shaped lines again and again; prints the best and the median nanoseconds per line.
func measure(_ name: String, _ setUp: [String], _ lines: [String]) {
    if CommandLine.arguments.count > 1, !CommandLine.arguments.dropFirst().contains(name) { return }
    var engine = Engine()
    var reader = RequestReader(limits: Limits())
    var effects = Effects()
    let connection = ConnectionID(rawValue: 1)
    engine.handle(
        .connected(connection, Principal(tenant: ShortName("bench")!, authentication: .mutualTLS)),
        at: Instant(nanoseconds: 0), into: &effects)

    feed(Array((setUp.joined(separator: "\n") + "\n").utf8), connection, &engine, &reader, &effects)
    effects.removeAll()
    let batch = Array((lines.joined(separator: "\n") + "\n").utf8)
    feed(batch, connection, &engine, &reader, &effects)

    let first = String(decoding: effects.text.bytes, as: UTF8.self).split(separator: "\n").first ?? ""
    effects.removeAll()
    var samples: [Double] = []
    let clock = ContinuousClock()
    for _ in 0..<(lines.count > 1000 ? 12 : 300) {
        let time = clock.measure {
            for _ in 0..<20 {
                feed(batch, connection, &engine, &reader, &effects)
                effects.removeAll()
            }
        }
        samples.append(Double(time.components.attoseconds) / 1e9 / Double(20 * lines.count))
    }
    samples.sort()
    print(
        "\(name): \(Int(samples[0])) ns best, \(Int(samples[samples.count / 2])) ns median per line; answers begin \(first)"
    )
}

let pages = 4096
let world = [
    "mm.create", "dev.create gpu0", "mmap 1 0x10000 \(pages)p", "mirror 1 gpu0", "fault 1 0x10000 \(pages)p w",
]
measure("ping", [], (0..<128).map { _ in "ping" })
measure("tagged ping", [], (0..<128).map { "#t\($0) ping" })
var seed: UInt64 = 1
let faults = (0..<128).map { _ in
    seed = seed &* 6_364_136_223_846_793_005 &+ 1
    return "fault 1 0x\(String(0x10000 + (seed >> 33) % UInt64(pages) * 4096, radix: 16)) 1p"
}
measure("fault of a resident page", world, faults)
measure(
    "fault, named arguments", world,
    faults.map {
        let words = $0.split(separator: " ")
        return "fault mirror=1 va=\(words[2]) len=4096 access=r"
    })
measure("read 16", world, faults.map { "read 1 \($0.split(separator: " ")[2]) 16" })

// What the memory's caches cost: sixteen devices' page tables over a range that does not fit them.
let wide = 65536
let sixteen =
    ["mm.create", "dev.create gpu0", "mmap 1 0x10000 \(wide)p"] + (1...16).map { _ in "mirror 1 gpu0" }
    + (1...16).map { "fault \($0) 0x10000 \(wide)p w" }
let wideFaults = (0..<65536).map { index in
    seed = seed &* 6_364_136_223_846_793_005 &+ 1
    return "fault \(1 + index / 128 % 16) 0x\(String(0x10000 + (seed >> 33) % UInt64(wide) * 4096, radix: 16)) 1p"
}
measure("fault, sixteen mirrors of 65536 pages", sixteen, wideFaults)
