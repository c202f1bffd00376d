internal import HMMTLS

/// Tokens that have fitted, by a hash that is quick, so that whoever returns need not wait for the slow one. A rule
/// has one of them at most.
struct RecognizedTokens {
    private struct Entry {
        /// With another hash it is another token.
        let hash: ScryptHash
        let mark: KeyedHash.Mark
    }

    private var entries: [String: Entry] = [:]

    func contains(_ mark: KeyedHash.Mark, for rule: TokenRule) -> Bool {
        guard let entry = entries[rule.id] else { return false }
        return entry.hash == rule.hash && entry.mark == mark
    }

    /// - Parameter rules: all there are. Ids that are no longer among them are forgotten.
    mutating func insert(_ mark: KeyedHash.Mark, for rule: TokenRule, among rules: [TokenRule]) {
        entries[rule.id] = Entry(hash: rule.hash, mark: mark)
        guard entries.count > rules.count else { return }
        let ids = Set(rules.lazy.map(\.id))
        entries = entries.filter { ids.contains($0.key) }
    }
}
