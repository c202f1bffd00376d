internal import HMMProtocol

/// Bounds of a tenant by the names they have in a recording's header, which are those of `limits`.
enum RecordedLimits {
    enum Field: Sendable {
        case int(any WritableKeyPath<Limits, Int> & Sendable)
        case long(any WritableKeyPath<Limits, UInt64> & Sendable)
    }

    /// A bound that is missing here is lost at a replay; a test holds this against `Limits.rows`.
    static let fields: [(name: String, field: Field)] = [
        ("line", .int(\.line)), ("arguments", .int(\.arguments)), ("literal", .int(\.literal)),
        ("printable", .int(\.printable)), ("window", .int(\.window)), ("queued-bytes", .int(\.queuedBytes)),
        ("open-events", .int(\.openEvents)), ("unsent-bytes", .int(\.unsentBytes)),
        ("answer-bytes", .int(\.answerBytes)), ("spaces", .int(\.spaces)), ("areas", .int(\.areas)),
        ("devices", .int(\.devices)), ("regions", .int(\.regions)), ("mirrors", .int(\.mirrors)),
        ("connections", .int(\.connections)), ("resident-bytes", .long(\.residentBytes)),
        ("region-bytes", .long(\.regionBytes)), ("lease", .long(\.leaseMilliseconds)), ("files", .int(\.files)),
        ("file-bytes", .long(\.fileBytes)), ("hugetlb-pages", .int(\.hugetlbPages)), ("pins", .int(\.pins)),
        ("open-migrations", .int(\.openMigrations)), ("migration-pages", .int(\.migrationPages)),
        ("slice", .long(\.slice)), ("open-ranges", .int(\.openRanges)),
        ("umbrellas", .int(\.umbrellas)), ("pending", .int(\.pending)), ("waiting-bytes", .int(\.waitingBytes)),
        ("tenant-areas", .int(\.tenantAreas)), ("lookback", .int(\.lookback)),
        ("pinned-pages", .int(\.pinnedPages)),
        ("deadline", .long(\.deadlineMilliseconds)),
    ]

    private static let standard = Limits()

    static func lines(_ limits: Limits) -> [String] {
        fields.map { name, field in
            switch field {
            case .int(let path): "limit \(name) \(limits[keyPath: path])"
            case .long(let path): "limit \(name) \(limits[keyPath: path])"
            }
        }
    }

    /// Sets the bound called `name`; false if there is none, or the value cannot be one: no server has a greater one
    /// than is built in, but for memory, and whoever replays should not need more than a server.
    static func set(_ name: Substring, _ value: Substring, in limits: inout Limits) -> Bool {
        guard let field = fields.first(where: { $0.name == name })?.field, let number = UInt64(value) else {
            return false
        }
        switch field {
        case .int(let path):
            guard number <= UInt64(standard[keyPath: path]) else { return false }
            limits[keyPath: path] = Int(number)
        case .long(let path):
            // More than any machine has would overflow where bounds are added up.
            let most = name == "resident-bytes" ? 1 << 60 : standard[keyPath: path]
            guard number <= most else { return false }
            limits[keyPath: path] = number
        }
        return true
    }
}
