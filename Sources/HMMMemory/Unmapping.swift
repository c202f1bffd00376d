/// `munmap`: areas of a range and what they hold go away. Kernel: munmap(2), MMU_NOTIFY_UNMAP.
public struct Unmapping: Equatable, Sendable {
    public let space: SpaceID
    public let range: PageRange
    /// Pages that had memory behind them.
    public private(set) var freed: UInt64 = 0
    private var announced = false

    public init(_ space: SpaceID, _ range: PageRange) {
        self.space = space
        self.range = range
    }

    /// A range without areas needs no announcement and is no error.
    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, range.start)) }
        if !announced {
            guard machine.spaces[index].areas.overlaps(range) else { return .done }
            announced = true
            return .invalidate(Invalidation(space, range, .unmap))
        }
        freed = machine.zap(index, range)
        machine.spaces[index].areas.remove(range)
        return .done
    }
}

/// `mm.drop`: the end of an address space. Kernel: exit_mmap() after mmu_notifier_release().
public struct SpaceExit: Equatable, Sendable {
    public let space: SpaceID
    /// Pages that had memory behind them.
    public private(set) var freed: UInt64 = 0
    private var phase = Phase.begin

    private enum Phase: Equatable { case begin, released, unmapped }

    public init(_ space: SpaceID) { self.space = space }

    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.spaces.index(of: space) else {
            return .failed(MemoryFault(.gone, AddressSpace.everything.start))
        }
        switch phase {
        case .begin:
            phase = .released
            return .invalidate(Invalidation(space, AddressSpace.everything, .release))
        case .released:
            phase = .unmapped
            return .invalidate(Invalidation(space, AddressSpace.everything, .unmap))
        case .unmapped:
            freed = machine.zap(index, AddressSpace.everything)
            return .done
        }
    }
}

extension Machine {
    /// Empties the page table of a range and frees what it mapped; returns how many pages had memory behind them.
    /// Kernel: zap_page_range().
    mutating func zap(_ index: Int, _ range: PageRange) -> UInt64 {
        var frames: [FrameNumber] = []
        frames.reserveCapacity(512)
        var freed: UInt64 = 0
        var page = range.start
        // A node at a time, so that what waits to be freed stays small.
        while let piece = spaces[index].table.nextLeaf(from: page, before: range.end) {
            let part = PageRange(piece.start, piece.start + UInt64(piece.count))
            frames.removeAll(keepingCapacity: true)
            spaces[index].table.removeAll(part) { _, entry in
                if entry.kind != .zero { frames.append(entry.frame) }
            }
            for frame in frames { unmap(frame) }
            freed += UInt64(frames.count)
            page = part.end
        }
        spaces[index].resident -= freed
        return freed
    }

    /// Forgets an address space that a `SpaceExit` has emptied.
    public mutating func removeSpace(_ id: SpaceID) {
        _ = spaces.remove(id)
    }
}
