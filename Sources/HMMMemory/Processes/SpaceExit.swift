/// `mm.drop`: the end of an address space. Kernel: exit_mmap() after mmu_notifier_release().
public struct SpaceExit: SteppedWork {
    public let space: SpaceID
    /// Pages that had memory behind them.
    public private(set) var freed: UInt64 = 0
    private var phase = Phase.begin
    private var cursor = AddressSpace.everything.start

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
            guard machine.zap(index, AddressSpace.everything, from: &cursor, &freed) else { return .more }
            freed += machine.unmapAreas(index, AddressSpace.everything)
            return .done
        }
    }
}
