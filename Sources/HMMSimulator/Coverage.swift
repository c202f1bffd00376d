import HMMEngine
import HMMProtocol

/// What worlds have come to. What never happens in any of them nobody checks.
public struct Coverage: Equatable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// Verbs that were carried out.
        case verb
        /// Codes of refusals.
        case refusal
        case event
        /// What engines were told.
        case input
        /// Pages that were read, and how many of them were compared with what was written.
        case reading
    }

    public private(set) var counts: [Kind: [String: Int]] = [:]

    public init() {}

    mutating func note(_ kind: Kind, _ name: String) { counts[kind, default: [:]][name, default: 0] += 1 }

    public mutating func add(_ other: Coverage) {
        for (kind, names) in other.counts { counts[kind, default: [:]].merge(names, uniquingKeysWith: +) }
    }

    /// What has to happen in enough worlds.
    static let expected: [Kind: [String]] = [
        // Whoever is connected here has shown who it is.
        .verb: VerbName.allCases.filter { $0 != .auth }.map(\.spec.name.description),
        // No state breaks.
        .refusal: ErrorCode.allCases.filter { $0 != .internal }.map(\.rawValue),
        .event: [
            "inval unmap", "inval clear", "inval protection-vma", "inval protection-page", "inval release",
            "inval migrate", "inval exclusive", "fenced lease", "fenced device", "lease", "to-ram", "freed", "update",
        ],
        .input: [
            "connected", "request", "refused", "drained", "close", "disconnected", "policy", "drain", "tick", "inspect",
        ],
    ]

    /// Of that, what has not happened.
    public var missing: [String] {
        Kind.allCases.flatMap { kind in
            (Self.expected[kind] ?? []).filter { counts[kind]?[$0] == nil }.map { "\(kind.rawValue) \($0)" }
        }
    }

    /// A line for each, the most frequent first.
    public var lines: [String] {
        Kind.allCases.flatMap { kind in
            let names = (counts[kind] ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            return names.map { "\(kind.rawValue) \($0.key): \($0.value)" }
        }
    }
}

extension Input {
    var word: String {
        switch self {
        case .connected: "connected"
        case .request: "request"
        case .refused: "refused"
        case .drained: "drained"
        case .close: "close"
        case .disconnected: "disconnected"
        case .policy: "policy"
        case .unsent: "unsent"
        case .recording: "recording"
        case .drain: "drain"
        case .tick: "tick"
        case .inspect: "inspect"
        }
    }
}
