internal import HMMEngine
internal import HMMProtocol
internal import HMMServer
internal import Yams

/// Reads what the file says of a tenant.
struct TenantReader {
    let errors: FileErrors
    let limits: Limits

    /// - Parameter standard: what holds for keys that are absent.
    func read(_ node: Node, _ name: String, _ standard: TenantSettings) -> TenantSettings {
        var settings = standard
        let section = SectionReader<TenantKey>(node, name, errors)
        if let role = section.value(.role, { Role(rawValue: $0) }) { settings.role = role }
        if section.hasEmptyList(.without) {
            settings.policy.restrictions.features = .all
        } else if let without = section.value(.without, joinsLists: true, ServerConfiguration.features) {
            settings.policy.restrictions.features = Features.all.subtracting(without)
        }
        if let enforces = section.value(.enforceLicence, ServerConfiguration.yesOrNo) {
            settings.policy.restrictions.enforcesLicence = enforces
        }
        if let persistence = section.value(.persist, Self.persistence) { settings.persistence = persistence }
        if let quota = section.node(.quota) { read(quota, into: &settings.policy.quota) }
        if let record = section.value(.record, Self.recordingRule) { settings.recording = record }
        return settings
    }

    private static func recordingRule(_ text: String) -> RecordingRule? {
        ServerConfiguration.yesOrNo(text).map { $0 ? .always : .never } ?? RecordingRule(rawValue: text)
    }

    /// Nil inside means none.
    private static func persistence(_ text: String) -> Duration?? {
        if ServerConfiguration.yesOrNo(text) == false { return .some(nil) }
        return time(text).map { .some($0) }
    }

    private static func time(_ text: String) -> Duration? {
        Quantity.duration(text).flatMap { $0 >= .seconds(1) && $0 <= .seconds(30 * 86400) ? $0 : nil }
    }

    // MARK: Quota

    private func read(_ node: Node, into quota: inout Quota) {
        let section = SectionReader<QuotaKey>(node, "quota", errors)
        for key in section.keys {
            guard let node = section.node(key) else { continue }
            defer { checkServes(quota[key.resource], section, key) }
            if case .mapping = node {
                let bounds = SectionReader<BoundKey>(node, key.rawValue, errors)
                if bounds.node(.hard) != nil { quota[key.resource].hard = bound(bounds, .hard, key) }
                if bounds.node(.soft) != nil { quota[key.resource].soft = bound(bounds, .soft, key) }
            } else {
                quota[key.resource] = .init(soft: nil, hard: section.value(key) { Self.amount($0, key) })
                if let hard = quota[key.resource].hard, let most = most(key), hard > most {
                    section.refuse(key, Self.over(hard, most))
                }
            }
            if let hard = quota[key.resource].hard, hard < key.least {
                section.refuse(key, "\(hard) is out of range: expected \(key.spec.form)")
            }
            if let hard = quota[key.resource].hard, let soft = quota[key.resource].soft, soft > hard {
                section.refuse(key, "soft \(soft) is over hard \(hard)")
            }
        }
    }

    /// Without requests nobody could do anything, and would be told to try again for ever.
    private func checkServes(_ bound: Quota.Bound, _ section: SectionReader<QuotaKey>, _ key: QuotaKey) {
        guard bound.hard == 0, [.requestsInFlight, .requestsPerSecond].contains(key.resource) else { return }
        section.refuse(key, "0 would refuse every request; to keep clients out, take their tenant or their rules away")
    }

    private func bound(_ section: SectionReader<BoundKey>, _ bound: BoundKey, _ key: QuotaKey) -> UInt64? {
        guard let given = section.text(bound) else { return nil }
        guard let amount = Self.amount(given.text, key) else {
            section.refuse(bound, "'\(given.text)': expected \(key.spec.form)")
            return nil
        }
        if let most = most(key), amount > most { section.refuse(bound, Self.over(amount, most)) }
        return amount
    }

    private static func amount(_ text: String, _ key: QuotaKey) -> UInt64? {
        key.isBytes ? Quantity.bytes(text) : UInt64(text).flatMap { $0 <= UInt64(Int64.max) ? $0 : nil }
    }

    private func most(_ key: QuotaKey) -> UInt64? { key.resource.bound(in: limits) }

    private static func over(_ amount: UInt64, _ most: UInt64) -> String {
        "\(amount) is out of range: no tenant may have more than \(most)"
    }
}
