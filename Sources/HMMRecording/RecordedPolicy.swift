internal import HMMEngine
internal import HMMProtocol

/// A tenant's policy as lines of text, in the header and in records; what is not mentioned is as without a policy.
enum RecordedPolicy {
    static func lines(_ policy: TenantPolicy) -> [String] {
        var lines: [String] = []
        for (index, word) in Features.words.enumerated()
        where !policy.restrictions.features.contains(Features(rawValue: 1 << UInt8(index))) {
            lines.append("without \(word)")
        }
        if policy.restrictions.enforcesLicence { lines.append("enforce-licence") }
        for resource in QuotaResource.allCases {
            let bound = policy.quota[resource]
            if let soft = bound.soft { lines.append("soft \(resource.rawValue) \(soft)") }
            if let hard = bound.hard { lines.append("hard \(resource.rawValue) \(hard)") }
        }
        return lines
    }

    /// One line, cut into words; false when it says nothing known here.
    static func take(_ words: [Substring], into policy: inout TenantPolicy) -> Bool {
        switch (words.first, words.count) {
        case ("without", 2):
            guard let bit = Features.words.firstIndex(of: String(words[1])) else { return false }
            policy.restrictions.features.subtract(Features(rawValue: 1 << UInt8(bit)))
        case ("enforce-licence", 1): policy.restrictions.enforcesLicence = true
        case ("soft", 3), ("hard", 3):
            guard let resource = QuotaResource(rawValue: String(words[1])), let value = UInt64(words[2]) else {
                return false
            }
            if words[0] == "soft" { policy.quota[resource].soft = value } else { policy.quota[resource].hard = value }
        default: return false
        }
        return true
    }

    static func policy(_ text: String) -> TenantPolicy? {
        var policy = TenantPolicy()
        for line in text.split(separator: "\n") {
            guard take(line.split(separator: " "), into: &policy) else { return nil }
        }
        return policy
    }
}
