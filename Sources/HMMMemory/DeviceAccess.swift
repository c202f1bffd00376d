/// A device load or store through the mirror's page table; what is missing there is faulted in first.
/// Kernel: HMM_DMIRROR_READ and HMM_DMIRROR_WRITE of lib/test_hmm.c.
public struct DeviceAccess: Equatable, Sendable {
    public let mirror: MirrorID
    public let pages: PageRange
    public let isWrite: Bool
    /// How many times the device had to fault.
    public private(set) var faults: UInt64 = 0
    private var fault: RangeFault?

    public init(_ mirror: MirrorID, _ pages: PageRange, write: Bool) {
        self.mirror = mirror
        self.pages = pages
        isWrite = write
    }

    /// Time has passed since the last step: makes the change that it announced, and begins anew.
    public mutating func restart(_ machine: inout Machine) -> MemoryFault? { fault?.restart(&machine) }

    /// After `.done` every page is in the device's page table, until anything else happens.
    public mutating func step(_ machine: inout Machine) -> Step {
        while true {
            if var running = fault {
                let step = running.step(&machine)
                fault = running
                guard step == .done else { return step }
                fault = nil
                // Earlier pages may have been lost meanwhile; what has just been faulted in vain stays missing.
                if let page = firstMissing(machine), page >= running.pages.start {
                    return .failed(MemoryFault(cause(machine, page), page))
                }
            }
            guard let page = firstMissing(machine) else { return .done }
            guard let index = machine.mirrors.index(of: mirror) else { return .failed(MemoryFault(.gone, page)) }
            fault = RangeFault(
                mirror, machine.mirrors[index].space, machine.mirrors[index].device, PageRange(page, pages.end),
                write: isWrite)
            faults += 1
        }
    }

    /// Why a page that has been faulted is missing all the same.
    private func cause(_ machine: borrowing Machine, _ page: Page) -> MemoryFault.Cause {
        guard let index = machine.mirrors.index(of: mirror) else { return .gone }
        return machine.mirrors[index].table[page].isNone ? .limit : .readOnlyOnDevice
    }

    /// The first page that the device cannot translate, or not for writing.
    public func firstMissing(_ machine: borrowing Machine) -> Page? {
        guard let index = machine.mirrors.index(of: mirror) else { return pages.start }
        var page = pages.start
        while page < pages.end {
            let entry = machine.mirrors[index].table[page]
            if entry.isNone || (isWrite && !entry.isWritable) { return page }
            page = page + 1
        }
        return nil
    }
}

extension Machine {
    /// Copies memory that the device can translate to `destination`.
    public func deviceLoad(_ mirror: MirrorID, _ address: UInt64, into destination: UnsafeMutableRawBufferPointer) {
        guard let index = mirrors.index(of: mirror) else { return }
        Self.load(mirrors[index].table, physical, address, into: destination)
    }

    /// Copies `source`, repeated as needed, to `length` bytes that the device can translate for writing.
    public mutating func deviceStore(
        _ mirror: MirrorID, _ address: UInt64, _ length: UInt64, from source: UnsafeRawBufferPointer
    ) {
        guard let index = mirrors.index(of: mirror) else { return }
        Self.store(mirrors[index].table, physical, address, length, from: source)
    }
}
