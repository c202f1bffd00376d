/// Moves device memory to system memory by page frame, whoever maps it. Kernel: migrate_device_range(),
/// migrate_device_pages(), migrate_device_finalize().
public struct Eviction: SteppedWork {
    /// Frames with equal outcome, in a row.
    public struct Run: Equatable, Sendable {
        public let first: FrameNumber
        public var count: UInt64
        public let outcome: Migration.Outcome
    }

    /// What is left to evict: frames from the first up to the second.
    private var parts: [(first: FrameNumber, end: UInt64)]
    private var farewell = Farewell()
    private var pending: PageChange?
    public private(set) var runs: [Run] = []

    public static func == (a: Self, b: Self) -> Bool {
        a.farewell == b.farewell && a.pending == b.pending && a.runs == b.runs
            && a.parts.elementsEqual(b.parts) { $0.first == $1.first && $0.end == $1.end }
    }

    /// Frames from `first`, `count` of them.
    public init(_ first: FrameNumber, _ count: UInt64) { parts = [(first, first.number + count)] }

    /// Everything in these regions.
    public init(_ regions: [RegionID], _ machine: borrowing Machine) {
        parts = regions.compactMap { id in
            machine.regions.index(of: id).map {
                (machine.regions[$0].firstFrame, machine.regions[$0].firstFrame.number + machine.regions[$0].capacity)
            }
        }
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        while let part = parts.first {
            if machine.isSliceSpent { return .more }
            guard let frame = machine.physical.nextUsed(from: part.first, before: part.end) else {
                parts.removeFirst()
                continue
            }
            parts[0].first = frame
            if let step = evict(frame, &machine) { return step }
            farewell.end()
            parts[0].first = frame.advanced(1)
        }
        return .done
    }

    private mutating func evict(_ frame: FrameNumber, _ machine: inout Machine) -> Step? {
        machine.spend(8 * Slice.entry)
        let metadata = machine.physical.frame(frame).pointee
        if metadata.isLocked || metadata.object == 0 {
            record(frame, .stayed(.migrating))
            return nil
        }
        if metadata.mappings == 0 { return giveUpExclusive(frame, &machine) }
        if let place = farewell.next(frame, taken: nil, &machine) { return .invalidate(machine.farewell(place)) }
        let movement = Movement(to: .system, sources: .device, from: nil, exempt: [])
        record(frame, machine.move(frame, movement).0)
        return nil
    }

    /// A page that a device has for itself stays; all it loses is that. The kernel leaves it read-only. One that nobody
    /// has mapped is there for the sake of who pinned it.
    private mutating func giveUpExclusive(_ frame: FrameNumber, _ machine: inout Machine) -> Step? {
        guard let place = machine.places(of: frame).first else {
            record(frame, .stayed(.pinned))
            return nil
        }
        record(frame, .stayed(.exclusive))
        parts[0].first = frame.advanced(1)
        machine.physical.frame(frame).pointee.isStuck = true
        pending = .restore(place.space, place.page, writable: false)
        return .invalidate(machine.farewell(place))
    }

    private mutating func record(_ frame: FrameNumber, _ outcome: Migration.Outcome) {
        if let last = runs.last, last.outcome == outcome, last.first.number + last.count == frame.number {
            runs[runs.count - 1].count += 1
        } else if runs.isEmpty || runs.last?.first != frame {
            runs.append(Run(first: frame, count: 1, outcome: outcome))
        }
    }

    /// Pages elsewhere that have been announced and not changed yet.
    public var told: [Place] { farewell.places }

    public func count(moved: Bool) -> UInt64 {
        runs.reduce(0) { ($1.outcome == .moved) == moved ? $0 + $1.count : $0 }
    }
}
