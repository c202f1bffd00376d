/// A device fault: makes a range usable by a device and installs it in the device's page table.
/// Kernel: hmm_range_fault() with HMM_PFN_REQ_FAULT in the standard driver loop.
public struct RangeFault: Equatable, Sendable {
    public let mirror: MirrorID
    public let space: SpaceID
    public let device: DeviceID
    public let pages: PageRange
    public let isWrite: Bool
    private var cursor: Page
    private var handling: Handling?
    private var pending: PageChange?

    /// Pages that are being faulted for the CPU one after the other. Kernel: the loop of hmm_vma_fault(): from the page
    /// that needed it to the end of its table, with that page's need, valid pages and the device's own included.
    private struct Handling: Equatable {
        var next: Page
        let end: Page
        /// Its pages had usable areas when it began; by now that may have changed.
        var isOld = false
    }

    public init(_ mirror: MirrorID, _ space: SpaceID, _ device: DeviceID, _ pages: PageRange, write: Bool) {
        self.mirror = mirror
        self.space = space
        self.device = device
        self.pages = pages
        isWrite = write
        cursor = pages.start
    }

    /// Time has passed since the last step: makes the change that it announced, before anything else comes between.
    /// Once the pages being faulted are done the walk begins anew, as a driver does after -EBUSY.
    public mutating func restart(_ machine: inout Machine) -> MemoryFault? {
        cursor = pages.start
        handling?.isOld = true
        return machine.applyAnnounced(&pending)
    }

    /// After `.done` the device's page table holds the range.
    public mutating func step(_ machine: inout Machine) -> Step {
        if let fault = machine.applyAnnounced(&pending) { return .failed(fault) }
        guard let index = machine.spaces.index(of: space), let position = machine.mirrors.index(of: mirror) else {
            return .failed(MemoryFault(.gone, pages.start))
        }
        while true {
            if let step = handle(&machine, index) { return step }
            if let fault = walk(&machine, index) { return .failed(fault) }
            if handling == nil { break }
        }
        machine.install(position, index, pages)
        return .done
    }

    /// Goes on with the pages that need the CPU's fault path; a step when one of them needs an announcement.
    private mutating func handle(_ machine: inout Machine, _ index: Int) -> Step? {
        guard var work = handling else { return nil }
        if work.isOld, !permits(PageRange(work.next, work.end), machine.spaces[index].areas) {
            // The walk will find out where and why.
            handling = nil
            return nil
        }
        work.isOld = false
        while work.next < work.end {
            switch machine.handleFault(space, work.next, upTo: work.end, write: isWrite) {
            case .ready: work.next = work.next + 1
            case .invalidate(let invalidation, let change):
                handling = work
                pending = change
                return .invalidate(invalidation)
            case .failed(let cause): return .failed(MemoryFault(cause, work.next))
            }
        }
        handling = nil
        return nil
    }

    private func permits(_ range: PageRange, _ areas: borrowing AreaMap) -> Bool {
        areas.firstGap(in: range) { $0.isReadable && (!isWrite || $0.protection.contains(.write)) } == nil
    }

    /// Passes over what is usable; stops with `handling` set where a page needs a fault.
    @inline(__always)
    private mutating func walk(_ machine: inout Machine, _ index: Int) -> MemoryFault? {
        while cursor < pages.end {
            guard let area = machine.spaces[index].areas.area(at: cursor), area.isReadable else {
                return MemoryFault(.notMapped, cursor)
            }
            let end = min(area.range.end, pages.end)
            while cursor < end {
                let entry = machine.spaces[index].table[cursor]
                if isUsable(entry, machine) {
                    cursor = cursor + 1
                    continue
                }
                if isWrite, !area.protection.contains(.write) { return MemoryFault(.notWritable, cursor) }
                handling = Handling(next: cursor, end: min(cursor.endOfTable, end))
                return nil
            }
        }
        return nil
    }

    @inline(__always)
    private func isUsable(_ entry: PageEntry, _ machine: borrowing Machine) -> Bool {
        switch entry.kind {
        case .system: !isWrite || entry.isWritable
        case .zero: !isWrite
        // Its own memory is usable even where it is read-only: a device fault neither un-shares nor upgrades it.
        case .devicePrivate: machine.device(of: entry.frame) == device
        case .none, .migrating: false
        }
    }
}

extension Machine {
    /// A fault of one page that is usable as it is, which is what a device asks most of the time: installs it in the
    /// device's page table and shows it. Nil, with nothing changed, when it is not so simple.
    @inline(__always)
    public mutating func installUsable(_ mirror: Int, _ page: Page, write: Bool) -> PageRun? {
        guard let space = spaces.index(of: mirrors[mirror].space), spaces[space].areas.isReadable(at: page) else {
            return nil
        }
        let entry = spaces[space].table[page]
        guard entry.kind == .system, !write || entry.isWritable else { return nil }
        mirrors[mirror].table.set(page, entry)
        return PageRun(start: page, count: 1, state: .system(writable: entry.isWritable), frame: entry.frame)
    }

    /// Copies the entries of `pages` into a device's page table.
    @inline(__always)
    mutating func install(_ mirror: Int, _ space: Int, _ pages: PageRange) {
        var page = pages.start
        while let piece = spaces[space].table.nextLeaf(from: page, before: pages.end) {
            for offset in 0..<piece.count where piece.words[offset] != 0 {
                mirrors[mirror].table.set(piece.start + UInt64(offset), PageEntry(word: piece.words[offset]))
            }
            page = piece.start + UInt64(piece.count)
        }
    }
}
