/// The mirrors of an address space by the pages they mirror, so that those of a few pages are found among many
/// thousands. Kernel: the interval tree of `struct mmu_notifier_subscriptions`.
///
/// A list in pieces, in order of the first page, and of the number where that is equal. Of a piece none of whose
/// mirrors reaches far enough none is looked at. A tree would be as deep as whoever chooses the ranges likes.
struct MirrorIndex: Sendable {
    private struct Entry: Sendable {
        let id: MirrorID
        let range: PageRange

        func comes(before other: Entry) -> Bool {
            range.start == other.range.start ? id < other.id : range.start < other.range.start
        }
    }

    /// Never empty.
    private struct Piece: Sendable {
        var entries: [Entry]
        /// Where the ranges end.
        var reach: Page

        init(_ entries: some Sequence<Entry>) {
            self.entries = Array(entries)
            reach = Page(number: 0)
            measure()
        }

        /// Where the first entry is that comes after `entry`.
        func position(after entry: Entry) -> Int {
            var low = 0
            var high = entries.count
            while low < high {
                let middle = (low + high) / 2
                if entry.comes(before: entries[middle]) { high = middle } else { low = middle + 1 }
            }
            return low
        }

        mutating func measure() { reach = entries.reduce(Page(number: 0)) { max($0, $1.range.end) } }
    }

    private static let most = 128
    private var pieces: [Piece] = []

    var isEmpty: Bool { pieces.isEmpty }

    /// Shows `body` those that have pages of `range`; returns how many places it has looked at.
    @discardableResult
    func forEach(overlapping range: PageRange, _ body: (MirrorID) -> Void) -> Int {
        var looked = 0
        for piece in pieces {
            guard piece.entries[0].range.start < range.end else { break }
            looked += 1
            guard piece.reach > range.start else { continue }
            for entry in piece.entries {
                guard entry.range.start < range.end else { break }
                looked += 1
                if entry.range.end > range.start { body(entry.id) }
            }
        }
        return looked
    }

    mutating func insert(_ id: MirrorID, _ range: PageRange) {
        let entry = Entry(id: id, range: range)
        if pieces.isEmpty { return pieces.append(Piece([entry])) }
        let index = piece(of: entry)
        pieces[index].entries.insert(entry, at: pieces[index].position(after: entry))
        pieces[index].reach = max(pieces[index].reach, range.end)
        guard pieces[index].entries.count > Self.most else { return }
        let entries = pieces[index].entries
        pieces[index] = Piece(entries.prefix(Self.most / 2))
        pieces.insert(Piece(entries.dropFirst(Self.most / 2)), at: index + 1)
    }

    mutating func remove(_ id: MirrorID, _ range: PageRange) {
        guard !pieces.isEmpty else { return }
        let entry = Entry(id: id, range: range)
        let index = piece(of: entry)
        let position = pieces[index].position(after: entry) - 1
        guard position >= 0, pieces[index].entries[position].id == id else { return }
        pieces[index].entries.remove(at: position)
        if pieces[index].reach == range.end { pieces[index].measure() }
        if pieces[index].entries.isEmpty { pieces.remove(at: index) }
        join(index)
        join(index - 1)
    }

    /// Joins a piece with the next one where both are small: their number stays in proportion.
    private mutating func join(_ index: Int) {
        guard index >= 0, index + 1 < pieces.count,
            pieces[index].entries.count + pieces[index + 1].entries.count <= Self.most / 2
        else { return }
        pieces[index] = Piece(pieces[index].entries + pieces[index + 1].entries)
        pieces.remove(at: index + 1)
    }

    /// The piece that an entry is in, or belongs into.
    private func piece(of entry: Entry) -> Int {
        var low = 0
        var high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            if entry.comes(before: pieces[middle].entries[0]) { high = middle } else { low = middle + 1 }
        }
        return max(low - 1, 0)
    }
}

extension [MirrorID] {
    /// It holds `id`; it is in ascending order.
    public func contains(ascending id: MirrorID) -> Bool {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == id
    }
}
