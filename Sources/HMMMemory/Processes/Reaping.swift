/// `mm.reap`: private memory goes, as far as that needs nobody's consent. Kernel: __oom_reap_task_mm().
public struct Reaping: SteppedWork {
    /// An area, and whether its memory has gone.
    public struct Outcome: Equatable, Sendable {
        public let range: PageRange
        public let isReaped: Bool
    }

    public let space: SpaceID
    public private(set) var outcomes: [Outcome] = []
    /// Pages that had memory behind them.
    public private(set) var freed: UInt64 = 0
    private var cursor = Page(number: 0)
    private var announced: PageRange?
    /// What of it has gone.
    private var reaped: Page?

    public init(_ space: SpaceID) { self.space = space }

    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, cursor)) }
        if let range = announced {
            var page = reaped ?? range.start
            reaped = page
            guard machine.zap(index, range, from: &page, &freed) else {
                reaped = page
                return .more
            }
            announced = nil
            reaped = nil
            outcomes.append(Outcome(range: range, isReaped: true))
        }
        while let area = machine.spaces[index].areas.nextArea(from: cursor, before: AddressSpace.highest) {
            if machine.isSliceSpent { return .more }
            machine.spend(8 * Slice.entry)
            cursor = area.range.end
            guard !area.isShared, area.kind == .anonymous || area.kind == .file else { continue }
            announced = area.range
            return .invalidate(Invalidation(space, area.range, .unmap, isBlockable: false))
        }
        return .done
    }

    /// Somebody would have had to be waited for: the area that was to be announced stays as it is. Kernel: -EAGAIN.
    public mutating func skip() {
        guard let range = announced else { return }
        announced = nil
        outcomes.append(Outcome(range: range, isReaped: false))
    }
}
