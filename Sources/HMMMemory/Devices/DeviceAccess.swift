/// A device load or store through the mirror's page table; what is missing there is faulted in first.
/// Kernel: HMM_DMIRROR_READ and HMM_DMIRROR_WRITE of lib/test_hmm.c.
public struct DeviceAccess: RestartedWork {
    public let mirror: MirrorID
    public let pages: PageRange
    public let isWrite: Bool
    /// How many times the device had to fault.
    public private(set) var faults: UInt64 = 0
    /// The pages that it could use before the first that was missing.
    public private(set) var served: PageRange
    private let batch: UInt64
    private var fault: RangeFault?

    public init(_ mirror: MirrorID, _ pages: PageRange, write: Bool, batch: UInt64) {
        self.mirror = mirror
        self.pages = pages
        self.batch = batch
        isWrite = write
        served = PageRange(pages.start, pages.start)
    }

    public var told: [Place] { fault?.told ?? [] }
    public var returning: Hold? { fault?.returning }

    /// The page frames that it takes; nil when the device can use every page already.
    public func demand(_ machine: borrowing Machine) -> FrameDemand? {
        guard let page = firstMissing(machine) else { return nil }
        let missing = RangeFault(
            mirror, PageRange(page, pages.end), FaultRequest(isWrite ? .write : .read), machine)
        return FrameDemand(missing.space, missing.pages, .fault(missing, batch: batch))
    }

    /// Time has passed since the last step: makes the change that it announced, and begins anew.
    public mutating func restart(_ machine: inout Machine) -> Step? { fault?.restart(&machine) }

    /// After `.done` every page is in the device's page table, until anything else happens.
    public mutating func step(_ machine: inout Machine) -> Step {
        while true {
            if let step = goOn(&machine) { return step }
            guard let page = findMissing(&machine) else { return .done }
            guard machine.mirrors.contains(mirror) else { return .failed(MemoryFault(.gone, page)) }
            served = PageRange(pages.start, page)
            fault = makeFault(page, machine)
            faults += 1
        }
    }

    private func makeFault(_ page: Page, _ machine: borrowing Machine) -> RangeFault {
        let end = batch < pages.end - page ? page + batch : pages.end
        return RangeFault(
            mirror, PageRange(page, end), FaultRequest(isWrite ? .write : .read), mustWrite: isWrite, machine)
    }

    /// Goes on with the fault, batch by batch up to the end.
    private mutating func goOn(_ machine: inout Machine) -> Step? {
        while var running = fault {
            let step = running.step(&machine)
            fault = running
            guard step == .done else { return step }
            fault = running.pages.end < pages.end ? makeFault(running.pages.end, machine) : nil
            // Earlier pages may have been lost meanwhile; what has just been faulted in vain stays missing.
            if fault == nil, let page = findMissing(&machine), page >= running.pages.start {
                return .failed(MemoryFault(.limit, page))
            }
        }
        return nil
    }

    /// The first page before `end`, or of all, that the device cannot translate, or not for writing.
    private func firstMissing(before end: Page? = nil, _ machine: borrowing Machine) -> Page? {
        guard let index = machine.mirrors.index(of: mirror) else { return pages.start }
        let writesExclusive = machine.profile(of: machine.mirrors[index].device).writesExclusive
        let end = end ?? pages.end
        var page = pages.start
        while page < end {
            guard let piece = machine.mirrors[index].table.nextLeaf(from: page, before: end), piece.start == page
            else { return page }
            for offset in 0..<piece.count {
                let entry = piece[offset]
                if entry.isNone || (isWrite && (!entry.isWritable || (entry.kind == .exclusive && !writesExclusive))) {
                    return page + UInt64(offset)
                }
            }
            page = page + UInt64(piece.count)
        }
        return nil
    }

    /// The same. It looks at each page in one piece, which counts as work.
    public func findMissing(before end: Page? = nil, _ machine: inout Machine) -> Page? {
        let page = firstMissing(before: end, machine)
        machine.spend(((page ?? end ?? pages.end) - pages.start) / 8)
        return page
    }
}

extension Machine {
    /// Copies memory that the device can translate to `destination`.
    public func deviceLoad(_ mirror: MirrorID, _ address: UInt64, into destination: UnsafeMutableRawBufferPointer) {
        guard let index = mirrors.index(of: mirror) else { return }
        Self.load(mirrors[index].table, physical, address, into: destination)
    }

    /// Copies `source`, repeated as needed, to `length` bytes that the device can translate for writing, from the octet
    /// `start` on of all the repetitions.
    mutating func deviceStore(
        _ mirror: MirrorID, _ address: UInt64, _ length: UInt64, from source: UnsafeRawBufferPointer,
        _ start: UInt64 = 0
    ) {
        guard let index = mirrors.index(of: mirror) else { return }
        Self.store(mirrors[index].table, physical, address, length, from: source, start)
    }

    /// Pages of a range that a device can translate.
    public func translated(_ mirror: MirrorID, _ range: PageRange) -> UInt64 {
        guard let index = mirrors.index(of: mirror) else { return 0 }
        var count: UInt64 = 0
        var page = range.start
        while let piece = mirrors[index].table.nextLeaf(from: page, before: range.end) {
            for offset in 0..<piece.count where !piece[offset].isNone { count += 1 }
            page = piece.start + UInt64(piece.count)
        }
        return count
    }
}
