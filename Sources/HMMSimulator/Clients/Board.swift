/// What the clients of one tenant have told each other, outside of the network: names and numbers that may be stale.
final class Board {
    var spaces: [UInt32] = []
    var devices: [(name: String, isTestDriver: Bool)] = []
    var regions: [UInt32] = []
    var files: [String] = []
    /// Names are not used again, so that a request which is under way means what it meant.
    private var lastName = 0
    /// Pages of the windows that are probably mapped.
    private var mapped: [UInt32: Set<UInt64>] = [:]

    /// Pages on both sides of the end of a table, and of a 512 GiB slot.
    static let windows: [Range<UInt64>] = [0x1fa..<0x206, 0x7ff_fffe..<0x800_0002]

    func add(space: UInt32, copying parent: UInt32? = nil) {
        spaces.append(space)
        mapped[space] = parent.flatMap { mapped[$0] } ?? []
    }

    func remove(space: UInt32) {
        spaces.removeAll { $0 == space }
        mapped[space] = nil
    }

    func map(_ space: UInt32, _ pages: Range<UInt64>) {
        guard pages.count <= 1024 else { return }
        mapped[space]?.formUnion(pages)
    }

    func unmap(_ space: UInt32, _ pages: Range<UInt64>) {
        guard pages.count <= 1024 else { return }
        mapped[space]?.subtract(pages)
    }

    func nextName(_ kind: String) -> String {
        lastName += 1
        return "\(kind)\(lastName)"
    }

    func isTestDriver(_ device: String) -> Bool { devices.first { $0.name == device }?.isTestDriver ?? true }

    /// Pages, mostly mapped ones, and of `range` if there are such.
    func somePages(_ space: UInt32, within range: Range<UInt64>? = nil, _ dice: inout Dice) -> Range<UInt64> {
        let known = mapped[space] ?? []
        let elsewhere = known.filter { page in !Self.windows.contains { $0.contains(page) } }
        var candidates = Self.windows.flatMap { $0 }.filter { known.contains($0) } + elsewhere.sorted().prefix(6)
        if let range { candidates = candidates.filter(range.contains) }
        guard dice.chance(88), !candidates.isEmpty else { return anyPages(&dice) }
        let start = dice.pick(candidates)
        let most = start + 1 + UInt64(dice.roll(6))
        var end = start + 1
        while end < most, known.contains(end) { end += 1 }
        return start..<end
    }

    func anyPages(_ dice: inout Dice) -> Range<UInt64> {
        let window = Self.windows[dice.chance(85) ? 0 : 1]
        let start = window.lowerBound + UInt64(dice.roll(window.count))
        return start..<min(window.upperBound, start + 1 + UInt64(dice.roll(6)))
    }
}
