internal import HMMProtocol

/// The leases of a connection's mirrors, learned from its requests, their answers and its events.
///
/// The rule: a translation may be used only while something was heard from the server within the lease, so a quiet
/// client asks for a sign of life every half of the smallest one.
struct LeaseBook: Equatable {
    private var leases: [UInt64: UInt64] = [:]

    /// Milliseconds after which to ping when nothing is heard; nil without mirrors.
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
