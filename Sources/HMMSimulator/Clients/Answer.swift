import HMMProtocol

/// A whole answer.
struct Answer {
    var rows: [[ServerLine.Pair]]
    var pairs: [ServerLine.Pair]
    var failure: (code: String, errno: String)?

    var code: String? { failure?.code }

    /// Refused before it began.
    var isRefused: Bool { ["BUSY", "GATED", "DENIED", "TAGBUSY"].contains(code ?? "") }

    func number(_ key: String) -> UInt64 { pairs[key]?.number ?? UInt64.max }

    /// The number of an object that the answer names.
    func id(_ key: String) -> UInt32 { UInt32(truncatingIfNeeded: number(key)) }

    /// The page that a failure is about.
    var page: UInt64? { pairs["va"]?.number.map { $0 >> 12 } }

    /// The page frames of a row, in the order of its pages.
    static func frames(_ text: String?) -> [UInt64] {
        (text ?? "").split(separator: ",").flatMap { run -> [UInt64] in
            let parts = run.split(separator: "+")
            let first = UInt64(parts[0].dropFirst(2), radix: 16) ?? 0
            return (0..<(parts.count > 1 ? UInt64(parts[1]) ?? 1 : 1)).map { first + $0 }
        }
    }
}
