/// What a device asks of each page. Kernel: default_flags, pfn_flags_mask and the hmm_pfns given in.
public struct FaultRequest: Equatable, Sendable {
    /// What a page is needed for; nothing means that it is only looked at. Kernel: HMM_PFN_REQ_FAULT, _REQ_WRITE.
    public enum Need: UInt8, Sendable, Comparable {
        case nothing, read, write
        public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    /// For every page.
    public let all: Need
    /// For each page, no more than `mask`; nil when the pages do not differ.
    public let each: [Need]?
    public let mask: Need
    /// Any device's private memory is left where it is, unless it has to be written and cannot. Kernel: hmm_vma_fault()
    /// of 2017.
    public let leavesDeviceMemory: Bool

    public init(_ all: Need, each: [Need]? = nil, mask: Need = .nothing, leavesDeviceMemory: Bool = false) {
        self.all = all
        self.each = mask == .nothing ? nil : each
        self.mask = mask
        self.leavesDeviceMemory = leavesDeviceMemory
    }

    /// Pages are only looked at.
    @inline(__always)
    public var takesNothing: Bool { all == .nothing && each == nil }

    @inline(__always)
    func need(_ offset: UInt64) -> Need {
        guard let each else { return all }
        return max(all, min(mask, each[Int(offset)]))
    }

    /// The greatest need of some pages.
    func need(_ offsets: Range<UInt64>) -> Need {
        guard let each else { return all }
        return max(all, min(mask, each[Int(offsets.lowerBound)..<Int(offsets.upperBound)].max() ?? .nothing))
    }
}

/// A device fault: makes a range usable by a device and installs it in the device's page table.
/// Kernel: hmm_range_fault() with HMM_PFN_REQ_FAULT in the standard driver loop.
public struct RangeFault: RestartedWork {
    public let mirror: MirrorID
    public let space: SpaceID
    public let pages: PageRange
    public let request: FaultRequest
    /// The device wants to write what it gets: a page that stays read-only is an error.
    private let mustWrite: Bool
    private let group: UInt32
    private var cursor: Page
    /// Entries looked at in this walk.
    private var looked: UInt64 = 0
    /// The device's page table is right up to there.
    private var installed: Page
    private var handling: Handling?
    private var pending: PageChange?

    /// Pages that are being faulted for the CPU one after the other. Kernel: the loop of hmm_vma_fault(): from the page
    /// that needed it to the end of its table, with that page's need, valid pages and the device's own included.
    private struct Handling: Equatable {
        var next: Page
        let end: Page
        let need: FaultNeed
        /// Its pages had usable areas when it began; by now that may have changed.
        var isOld = false
    }

    public init(
        _ mirror: MirrorID, _ pages: PageRange, _ request: FaultRequest, mustWrite: Bool = false,
        _ machine: borrowing Machine
    ) {
        self.mirror = mirror
        let index = machine.mirrors.index(of: mirror)
        space = index.map { machine.mirrors[$0].space } ?? SpaceID(rawValue: 0)
        group = index.map { machine.mirrors[$0].group } ?? 0
        self.pages = pages
        self.request = request
        self.mustWrite = mustWrite
        cursor = pages.start
        installed = pages.start
    }

    public var told: [Place] { pending?.told ?? [] }
    public var returning: Hold? { pending?.returning }

    /// The page frames that it takes.
    public var demand: FrameDemand { FrameDemand(space, pages, .fault(self, batch: .max)) }

    /// Time has passed since the last step: makes the change that it announced, before anything else comes between.
    /// Once the pages being faulted are done the walk begins anew, as a driver does after -EBUSY.
    public mutating func restart(_ machine: inout Machine) -> Step? {
        cursor = pages.start
        installed = pages.start
        handling?.isOld = true
        return machine.settle(&pending)
    }

    /// After `.done` the device's page table holds what of the range it may use.
    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.spaces.index(of: space), let position = machine.mirrors.index(of: mirror) else {
            return .failed(MemoryFault(.gone, pages.start))
        }
        while handling != nil || cursor < pages.end {
            if let step = handle(&machine, index) { return step }
            if machine.isSliceSpent { return .more }
            looked = 0
            if let fault = walk(machine, index, machine.entriesLeft) { return .failed(fault) }
            machine.spend(looked * Slice.entry)
        }
        return install(&machine, position, index)
    }

    /// Puts what is usable into the device's page table.
    private mutating func install(_ machine: inout Machine, _ position: Int, _ index: Int) -> Step {
        while let piece = machine.spaces[index].table.nextLeaf(from: installed, before: pages.end) {
            if machine.isSliceSpent { return .more }
            let part = PageRange(piece.start, piece.start + UInt64(piece.count))
            if let page = machine.install(position, index, part, mustWrite: mustWrite) {
                return .failed(MemoryFault(.readOnlyOnDevice, page))
            }
            machine.spend(part.count * Slice.entry)
            installed = part.end
        }
        return .done
    }

    /// Goes on with the pages that need the CPU's fault path; a step when one of them needs an announcement.
    private mutating func handle(_ machine: inout Machine, _ index: Int) -> Step? {
        guard var work = handling else { return nil }
        if work.isOld, !permits(work, machine.spaces[index].areas) {
            // The walk will find out where and why.
            handling = nil
            return nil
        }
        work.isOld = false
        while work.next < work.end {
            if machine.isSliceSpent {
                handling = work
                return .more
            }
            machine.spend(Slice.entry)
            let entry = machine.spaces[index].table[work.next]
            if entry.isPresent, entry.isWritable || work.need == .read {
                work.next = work.next + 1
                continue
            }
            switch machine.handleFault(space, work.next, upTo: work.end, work.need) {
            case .ready: continue
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

    private func permits(_ work: Handling, _ areas: borrowing AreaMap) -> Bool {
        areas.firstGap(in: PageRange(work.next, work.end)) {
            $0.isReadable && (work.need == .read || $0.isWritable)
        } == nil
    }

    /// Passes over what is usable; stops with `handling` set where a page needs a fault, or after `most` entries.
    private mutating func walk(_ machine: borrowing Machine, _ index: Int, _ most: UInt64) -> MemoryFault? {
        while cursor < pages.end, looked < most {
            guard let area = machine.spaces[index].areas.area(at: cursor), area.isReadable else {
                let end = machine.spaces[index].areas.endOfUnusable(from: cursor, before: pages.end)
                if let page = firstNeeded(PageRange(cursor, end)) { return MemoryFault(.notMapped, page) }
                cursor = end
                continue
            }
            let end = min(area.range.end, pages.end)
            while cursor < end, looked < most {
                guard let need = walkTable(machine, index, min(cursor.endOfTable, end)) else { continue }
                if need == .write, !area.isWritable { return MemoryFault(.notWritable, cursor) }
                handling = Handling(
                    next: cursor, end: min(cursor.endOfTable, end), need: need == .write ? .write : .read)
                return nil
            }
        }
        return nil
    }

    private func firstNeeded(_ range: PageRange) -> Page? {
        guard request.each != nil else { return request.all == .nothing ? nil : range.start }
        return (0..<range.count).map { range.start + $0 }.first { request.need($0 - pages.start) != .nothing }
    }

    /// Passes over usable pages up to `end`, within one table; what the page at the cursor needs when it is not usable.
    /// Where there is no table, or one mapping for all, the pages count as one.
    private mutating func walkTable(
        _ machine: borrowing Machine, _ index: Int, _ end: Page
    ) -> FaultRequest.Need? {
        let huge = machine.spaces[index].table.huge(cursor)
        if huge != nil || !machine.spaces[index].table.isCovered(cursor) {
            let need = request.need(cursor - pages.start..<end - pages.start)
            let entry = huge ?? .none
            looked += 1
            guard isUsable(entry, need, machine) else { return need }
            cursor = end
            return nil
        }
        looked += end - cursor
        while cursor < end {
            let need = request.need(cursor - pages.start)
            guard isUsable(machine.spaces[index].table[cursor], need, machine) else { return need }
            cursor = cursor + 1
        }
        return nil
    }

    @inline(__always)
    func isUsable(_ entry: PageEntry, _ need: FaultRequest.Need, _ machine: borrowing Machine) -> Bool {
        switch entry.kind {
        case .system, .coherent: need != .write || entry.isWritable
        case .zero: need != .write
        // Its own memory is usable even where it is read-only: a device fault neither un-shares nor upgrades it.
        case .devicePrivate where request.leavesDeviceMemory: need != .write || entry.isWritable
        case .devicePrivate: need == .nothing || machine.group(of: entry.frame) == group
        case .none, .migrating, .exclusive: need == .nothing
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
        guard entry.kind == .system, !entry.isHuge, !write || entry.isWritable else { return nil }
        mirrors[mirror].table.set(page, entry)
        return PageRun(start: page, count: 1, state: .system(writable: entry.isWritable), frame: entry.frame)
    }

    /// Copies the entries of `pages` that a device may use into its page table; stops at one that it would have to
    /// write and cannot, and returns its page.
    mutating func install(_ mirror: Int, _ space: Int, _ pages: PageRange, mustWrite: Bool) -> Page? {
        var page = pages.start
        while page < pages.end {
            // What was only looked at may be out of reach of devices.
            guard let area = spaces[space].areas.area(at: page), area.isReadable else {
                page = spaces[space].areas.endOfUnusable(from: page, before: pages.end)
                continue
            }
            let end = min(area.range.end, pages.end)
            if let stop = install(mirror, space, inArea: PageRange(page, end), mustWrite) { return stop }
            page = end
        }
        return nil
    }

    private mutating func install(_ mirror: Int, _ space: Int, inArea pages: PageRange, _ mustWrite: Bool) -> Page? {
        var page = pages.start
        while let piece = spaces[space].table.nextLeaf(from: page, before: pages.end) {
            for offset in 0..<piece.count {
                let entry = piece[offset].small
                guard isVisible(entry, mirrors[mirror].group) else { continue }
                if mustWrite, !entry.isWritable { return piece.start + UInt64(offset) }
                mirrors[mirror].table.set(piece.start + UInt64(offset), entry)
            }
            page = piece.start + UInt64(piece.count)
        }
        return nil
    }

    /// A device of the group can use what the entry names.
    @inline(__always)
    func isVisible(_ entry: PageEntry, _ group: UInt32) -> Bool {
        switch entry.kind {
        case .system, .zero, .coherent: true
        case .devicePrivate: self.group(of: entry.frame) == group
        case .none, .migrating, .exclusive: false
        }
    }
}
