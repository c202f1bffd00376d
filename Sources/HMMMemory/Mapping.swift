/// `mmap`: a new area. It needs no announcement, since nothing was there. Kernel: mmap(2).
extension Machine {
    /// Why a mapping was refused.
    public enum MappingRefusal: Error, Equatable, Sendable {
        /// The place is taken. Kernel: -EEXIST of MAP_FIXED_NOREPLACE.
        case taken(Page)
        /// Below the lowest page that can be mapped. Kernel: -EPERM.
        case tooLow
        /// No gap is large enough. Kernel: -ENOMEM.
        case noGap
        /// Too many areas. Kernel: -ENOMEM by vm.max_map_count.
        case tooManyAreas
        case noSpace
    }

    /// Maps `count` pages of private anonymous memory at `start`, or where there is room.
    public mutating func mapArea(
        _ space: SpaceID, at start: Page?, count: UInt64, _ protection: Protection, areaLimit: Int
    ) throws(MappingRefusal) -> PageRange {
        guard let index = spaces.index(of: space) else { throw .noSpace }
        guard spaces[index].areas.areas.count < areaLimit else { throw .tooManyAreas }
        let range = try place(index, start, count)
        spaces[index].areas.insert(Area(range: range, protection: protection))
        return range
    }

    /// Where `mapArea` would put an area of `count` pages without being told where.
    public func freePlace(_ space: SpaceID, _ count: UInt64) -> PageRange? {
        spaces.index(of: space).flatMap { freePlace($0, count) }
    }

    private func freePlace(_ index: Int, _ count: UInt64) -> PageRange? {
        spaces[index].areas.highestGap(count, in: PageRange(AddressSpace.lowest, AddressSpace.highest))
    }

    private func place(_ index: Int, _ start: Page?, _ count: UInt64) throws(MappingRefusal) -> PageRange {
        guard let start else {
            guard let gap = freePlace(index, count) else { throw .noGap }
            return gap
        }
        let range = PageRange(start, start + count)
        guard start >= AddressSpace.lowest else { throw .tooLow }
        guard !spaces[index].areas.overlaps(range) else { throw .taken(start) }
        return range
    }
}
