internal import HMMProtocol

/// The leases of a connection's mirrors, learned from its requests, their answers and its events.
///
/// The rule: a translation may be used only within a lease after the last answered request was sent, so a client asks
/// for a sign of life every half of the smallest one.
struct LeaseBook: Equatable {
    private var leases: [UInt64: UInt64] = [:]

    /// Milliseconds between pings; nil without mirrors.
    var pingMilliseconds: UInt64? { leases.values.min().map { max(1, $0 / 2) } }

    mutating func take(_ line: String, _ answer: Answer) {
        let words = line.split(separator: " ")
        switch words.first {
        case "mirror":
            guard let mirror = answer["mirror"]?.number, let lease = answer["lease"]?.number else { return }
            leases[mirror] = lease
        case "mirror.drop":
            guard words.count > 1, let mirror = UInt64(words[1].drop { !$0.isNumber }) else { return }
            leases[mirror] = nil
        default: break
        }
    }

    mutating func take(_ event: Event) {
        guard event.name == "fenced", let mirror = event["mirror"]?.number else { return }
        leases[mirror] = nil
    }
}
