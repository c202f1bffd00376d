import HMMEngine
import HMMHarness
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
/// %driver        who connects from now on has this role
/// =spaces 1 2    the tenant gets a quota, soft and hard; a word that is no number is no bound
/// _3             the tenant gets these features only, as the bits of a number
/// /50            work of a tenant that has not begun is cut after so many units, and goes on when time passes
/// ~              from now on transports take their time: they go by `-`, and clients have read by `*`
/// *A             A has taken what it was sent
/// !A             whoever runs the server ends A
/// ```
enum EngineTarget {
    private static let names = Set("ABCDEFGH".utf8)

    static func run(_ input: UnsafeRawBufferPointer) {
        play { peer in
            var steps = 0
            for line in input.split(separator: 10, maxSplits: 4000) {
                guard let first = line.first else { continue }
                try take(first, Array(line.dropFirst()), &peer)
                steps += 1
                // The whole state after each step would make long inputs slow; at the end it is always checked.
                if steps < 64 || steps.isMultiple(of: 64) { try peer.check(upToFrames: 600) }
            }
        }
    }

    /// Plays against engines in memory until nobody is left. What the input itself gets wrong ends the play; what must
    /// never be is a finding.
    static func play(limits: Limits = .narrow, _ body: (inout EnginePeer) throws -> Void) {
        var peer = EnginePeer(limits: limits)
        peer.checksState = false
        peer.keepsOutput = false
        try? body(&peer)
        if peer.violation == nil { try? peer.leaveNothing() }
        if let violation = peer.violation { finding("\(violation)") }
    }

    private static func take(_ first: UInt8, _ rest: [UInt8], _ peer: inout EnginePeer) throws {
        if names.contains(first) {
            let name = String(UnicodeScalar(first))
            if peer.connections[name]?.isClosed != false { try peer.connect(name, tenant: "ci") }
            return try peer.send(rest.first == UInt8(ascii: "|") ? Array(rest.dropFirst()) : rest + [10], on: name)
        }
        let text = String(decoding: rest, as: UTF8.self)
        switch first {
        case UInt8(ascii: "+"): try peer.advance(milliseconds: min(UInt64(text) ?? 1, 200_000_000))
        case UInt8(ascii: "^"): try peer.acknowledge(text)
        case UInt8(ascii: "-"): try peer.cut(text)
        case UInt8(ascii: "."): try peer.drain()
        case UInt8(ascii: "%"): peer.role = Role(rawValue: text) ?? .admin
        case UInt8(ascii: "="): try restrict(text, &peer)
        case UInt8(ascii: "_"): try withhold(text, &peer)
        case UInt8(ascii: "/"):
            peer.limits.slice = max(1, UInt64(text) ?? 1)
            peer.goesOnAtOnce = false
        case UInt8(ascii: "~"): (peer.closesAtOnce, peer.drainsAtOnce) = (false, false)
        case UInt8(ascii: "*"): try peer.take(text)
        case UInt8(ascii: "!"): try peer.close(text)
        default: break
        }
    }

    private static func restrict(_ text: String, _ peer: inout EnginePeer) throws {
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, let resource = QuotaResource(rawValue: String(words[0])) else { return }
        var policy = peer.policy
        policy.quota[resource] = .init(soft: UInt64(words[1]), hard: UInt64(words[2]))
        try peer.adopt(policy)
    }

    private static func withhold(_ text: String, _ peer: inout EnginePeer) throws {
        guard let bits = UInt8(text) else { return }
        var policy = peer.policy
        policy.restrictions.features = Features(rawValue: bits)
        try peer.adopt(policy)
    }
}

extension Limits {
    /// Limits that a short input can pass.
    static let narrow: Limits = {
        var limits = Limits()
        limits.literal = 1 << 16
        limits.residentBytes = 8 << 20
        limits.regionBytes = 1 << 30
        limits.fileBytes = 64 << 20
        limits.hugetlbPages = 2
        limits.window = 8
        limits.queuedBytes = 4096
        limits.openEvents = 16
        limits.answerBytes = 1 << 16
        limits.spaces = 8
        limits.areas = 64
        limits.devices = 4
        limits.regions = 8
        limits.mirrors = 16
        limits.connections = 6
        limits.files = 4
        limits.pins = 16
        limits.openMigrations = 4
        limits.migrationPages = 2048
        return limits
    }()
}
