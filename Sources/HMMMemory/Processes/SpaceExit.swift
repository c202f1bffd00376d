/// `mm.drop`: the end of an address space. Kernel: exit_mmap() after mmu_notifier_release().
public struct SpaceExit: SteppedWork {
    public let space: SpaceID
    /// Pages that had memory behind them.
    public var freed: UInt64 { clearing.freed }
    private var phase: Phase
    private var clearing = Clearing(AddressSpace.everything)

    private enum Phase: Equatable { case begin, released, unmapped }

    /// - Parameter known: somebody may mirror it.
    public init(_ space: SpaceID, known: Bool = true) {
        self.space = space
        phase = known ? .begin : .unmapped
    }

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
            return clearing.goOn(&machine, index) ? .done : .more
        }
    }
}
