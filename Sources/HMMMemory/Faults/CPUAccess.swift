/// A CPU load or store of a range: every page is made ready, then all of it is accessed at one instant.
public struct CPUAccess: RestartedWork {
    public let space: SpaceID
    public let pages: PageRange
    public let isWrite: Bool
    private var cursor: Page
    private var pending: PageChange?

    public init(_ space: SpaceID, _ pages: PageRange, write: Bool) {
        self.space = space
        self.pages = pages
        isWrite = write
        cursor = pages.start
    }

    public var told: [Place] { pending?.told ?? [] }
    public var returning: Hold? { pending?.returning }

    /// Time has passed since the last step: makes the change that it announced, before anything else comes between, and
    /// begins anew, as what was ready may not be any more. A step when there is more to announce.
    public mutating func restart(_ machine: inout Machine) -> Step? {
        cursor = pages.start
        return machine.settle(&pending)
    }

    /// After `.done` every page is present, until anything else happens.
    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, pages.start)) }
        if let fault = check(machine.spaces[index].areas) { return .failed(fault) }
        while cursor < pages.end {
            if machine.isSliceSpent { return .more }
            machine.spend(Slice.entry)
            let entry = machine.spaces[index].table[cursor]
            if entry.isPresent, !isWrite || entry.isWritable {
                cursor = cursor + 1
                continue
            }
            switch machine.handleFault(space, cursor, upTo: pages.end, isWrite ? .write : .read) {
            case .ready: continue
            case .invalidate(let invalidation, let change):
                pending = change
                return .invalidate(invalidation)
            case .failed(let cause): return .failed(MemoryFault(cause, cursor))
            }
        }
        return .done
    }

    /// On x86 what can be written or executed can be read.
    private func check(_ areas: borrowing AreaMap) -> MemoryFault? {
        let gap = areas.firstGap(in: pages) {
            $0.kind != .io && (isWrite ? $0.protection.contains(.write) : !$0.protection.isEmpty)
        }
        guard let gap else { return nil }
        return MemoryFault(
            !isWrite || gap.area.map { $0.kind == .io || $0.protection.isEmpty } ?? true ? .notMapped : .notWritable,
            gap.page)
    }
}

extension Machine {
    /// Copies present memory to `destination`. The pages are ready: a `CPUAccess` has just said so.
    public func load(_ space: SpaceID, _ address: UInt64, into destination: UnsafeMutableRawBufferPointer) {
        guard let index = spaces.index(of: space) else { return }
        Self.load(spaces[index].table, physical, address, into: destination)
    }

    /// Copies `source`, repeated as needed, to `length` bytes of present, writable memory, from the octet `start` on of
    /// all the repetitions.
    mutating func store(
        _ space: SpaceID, _ address: UInt64, _ length: UInt64, from source: UnsafeRawBufferPointer,
        _ start: UInt64 = 0
    ) {
        guard let index = spaces.index(of: space) else { return }
        Self.store(spaces[index].table, physical, address, length, from: source, start)
    }

    static func load(
        _ table: borrowing PageTable, _ physical: borrowing PhysicalMemory, _ address: UInt64,
        into destination: UnsafeMutableRawBufferPointer
    ) {
        var done = 0
        while done < destination.count {
            let at = address + UInt64(done)
            let offset = Int(at & 4095)
            let count = min(PageSize.bytes - offset, destination.count - done)
            let entry = table[Page(containing: at)]
            let piece = UnsafeMutableRawBufferPointer(rebasing: destination[done..<done + count])
            if entry.hasFrame {
                piece.copyMemory(
                    from: UnsafeRawBufferPointer(start: physical.bytes(entry.frame) + offset, count: count))
            } else {
                piece.initializeMemory(as: UInt8.self, repeating: 0)
            }
            done += count
        }
    }

    static func store(
        _ table: borrowing PageTable, _ physical: borrowing PhysicalMemory, _ address: UInt64, _ length: UInt64,
        from source: UnsafeRawBufferPointer, _ start: UInt64
    ) {
        guard source.count > 0 else { return }
        var done: UInt64 = 0
        var phase = Int(start % UInt64(source.count))
        while done < length {
            let at = address + done
            let offset = Int(at & 4095)
            let count = min(PageSize.bytes - offset, source.count - phase, Int(length - done))
            let entry = table[Page(containing: at)]
            if entry.hasFrame {
                let piece = UnsafeMutableRawBufferPointer(start: physical.bytes(entry.frame) + offset, count: count)
                piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[phase..<phase + count]))
            }
            done += UInt64(count)
            phase = phase + count == source.count ? 0 : phase + count
        }
    }
}
