internal import HMMProtocol

/// Requests under way: finds the one a line belongs to, and puts answers together.
struct RequestTable<Owner> {
    private struct Entry {
        var owner: Owner
        var line: String
        var rows: [[ServerLine.Pair]] = []
    }

    /// An answer, or what there was instead of one.
    struct Completion {
        var owner: Owner
        /// The request, without its tag.
        var line: String
        var result: Result<Answer, ClientError>
    }

    private var entries: [Tag: Entry] = [:]
    private var count: UInt64 = 0

    var isEmpty: Bool { entries.isEmpty }

    /// Enters a request and returns its tag.
    mutating func add(_ line: String, owner: Owner) -> String {
        count += 1
        let text = "c\(count)"
        // A letter and twenty digits always fit.
        if let tag = Tag(text) { entries[tag] = Entry(owner: owner, line: line) }
        return text
    }

    /// Takes a line of an answer; a completion when it was the last one.
    mutating func take(_ line: ServerLine) -> Completion? {
        guard let tag = line.tag, entries[tag] != nil else { return nil }
        switch line {
        case .row(_, let pairs):
            entries[tag]?.rows.append(pairs)
            return nil
        case .success(_, let pairs):
            return entries.removeValue(forKey: tag).map { entry in
                Completion(
                    owner: entry.owner, line: entry.line, result: .success(Answer(rows: entry.rows, pairs: pairs)))
            }
        case .failure(_, let code, let errno, let pairs, let text):
            let refusal = ClientError.Refusal(code: code, errno: errno, pairs: pairs, text: text)
            return entries.removeValue(forKey: tag).map { entry in
                Completion(owner: entry.owner, line: entry.line, result: .failure(.refused(refusal)))
            }
        case .banner, .note, .bye, .event: return nil
        }
    }

    /// Gives up a request that could not be sent.
    mutating func remove(_ tag: String) -> Owner? { Tag(tag).flatMap { entries.removeValue(forKey: $0) }?.owner }

    /// Gives up all requests.
    mutating func removeAll() -> [Owner] {
        defer { entries = [:] }
        return entries.values.map(\.owner)
    }
}
