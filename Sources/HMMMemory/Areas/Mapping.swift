/// What `mmap` is asked for. Kernel: the arguments of mmap(2).
public struct MappingPlan: Equatable, Sendable {
    /// Where; nil lets the server choose.
    public let start: Page?
    public let count: UInt64
    public let protection: Protection
    public let kind: Area.Kind
    public let isShared: Bool
    /// The file and the page offset in it; nil makes one without a name for shared anonymous memory.
    public let file: FileID?
    public let offset: UInt64
    /// What is there already goes. Kernel: MAP_FIXED, not MAP_FIXED_NOREPLACE.
    public let replaces: Bool

    public init(
        at start: Page?, count: UInt64, _ protection: Protection, _ kind: Area.Kind = .anonymous,
        shared: Bool = false, file: FileID? = nil, offset: UInt64 = 0, replaces: Bool = false
    ) {
        self.start = start
        self.count = kind == .hugetlb ? (count + 511) & ~511 : count
        self.protection = protection
        self.kind = kind
        isShared = shared
        self.file = file
        self.offset = offset
        self.replaces = replaces
    }

    /// What goes first.
    var replaced: PageRange? { replaces ? start.map { PageRange($0, $0 + count) } : nil }
}

/// `mmap`: a new area. Where it replaces another it unmaps that first. Kernel: mmap(2).
public struct Mapping: SteppedWork {
    public let space: SpaceID
    public let plan: MappingPlan
    private let areaLimit: Int
    private var unmapping: Unmapping?
    /// Where it is, in the end.
    public private(set) var range: PageRange?
    /// Why it was refused, when the step failed with `.refused`.
    public private(set) var refusal: MappingRefusal?

    public init(_ space: SpaceID, _ plan: MappingPlan, areaLimit: Int) {
        self.space = space
        self.plan = plan
        self.areaLimit = areaLimit
        unmapping = plan.replaced.map { Unmapping(space, $0) }
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        if let refusal = machine.refusal(of: plan, space, areaLimit) { return refuse(refusal) }
        if var work = unmapping {
            let step = work.step(&machine)
            unmapping = work
            guard step == .done else { return step }
            unmapping = nil
        }
        do throws(MappingRefusal) {
            range = try machine.mapArea(space, plan, areaLimit: areaLimit)
            return .done
        } catch {
            return refuse(error)
        }
    }

    private mutating func refuse(_ refusal: MappingRefusal) -> Step {
        self.refusal = refusal
        return .failed(MemoryFault(.refused, plan.start ?? Page(number: 0)))
    }
}

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
    /// The reserve has no huge pages left. Kernel: -ENOMEM.
    case noHugePages
    /// Huge pages of the reserve begin at multiples of 2 MiB. Kernel: -EINVAL.
    case unaligned
    case noSpace
}

extension Machine {
    /// Maps memory at once; where something has to be unmapped first there is `Mapping`.
    public mutating func mapArea(
        _ space: SpaceID, _ plan: MappingPlan, areaLimit: Int
    ) throws(MappingRefusal) -> PageRange {
        guard let index = spaces.index(of: space) else { throw .noSpace }
        if let refusal = refusal(of: plan, space, areaLimit) { throw refusal }
        let range = try place(index, plan)
        var area = Area(range: range, protection: plan.protection)
        area.kind = plan.kind
        area.isShared = plan.isShared
        area.isAccounted = plan.protection.contains(.write) && !plan.isShared && plan.kind != .hugetlb
        if plan.kind == .file {
            area.offset = plan.offset
            area.file = plan.file ?? makeFile(length: range.length, isAnonymous: true)
        }
        insertArea(index, area)
        // From now on only its areas keep a file without a name.
        if plan.kind == .file, plan.file == nil, let file = area.file { forgetName(file) }
        if plan.kind == .hugetlb { hugePagesReserved += range.count / 512 }
        if plan.kind == .device { fillDeviceArea(index, range) }
        return range
    }

    /// What can be said before anything is unmapped.
    func refusal(of plan: MappingPlan, _ space: SpaceID, _ areaLimit: Int) -> MappingRefusal? {
        guard let index = spaces.index(of: space) else { return .noSpace }
        // Once what was there has gone, nothing is cut any more: what is allowed before is not refused after.
        let cuts = plan.replaced.map { spaces[index].areas.growth(removing: $0) } ?? 0
        if spaces[index].areas.areas.count + cuts >= areaLimit { return .tooManyAreas }
        if plan.kind == .hugetlb, hugePagesReserved + plan.count / 512 > hugePages { return .noHugePages }
        guard let start = plan.start else { return nil }
        if start < AddressSpace.lowest { return .tooLow }
        if plan.kind == .hugetlb, start.number & 511 != 0 { return .unaligned }
        guard start.number + plan.count <= AddressSpace.highest.number else { return .noGap }
        if !plan.replaces, spaces[index].areas.overlaps(PageRange(start, start + plan.count)) { return .taken(start) }
        return nil
    }

    /// Where `mapArea` would put an area without being told where.
    public func freePlace(_ space: SpaceID, _ plan: MappingPlan) -> PageRange? {
        spaces.index(of: space).flatMap { freePlace($0, plan) }
    }

    private func freePlace(_ index: Int, _ plan: MappingPlan) -> PageRange? {
        let bounds = PageRange(AddressSpace.lowest, AddressSpace.highest)
        guard plan.kind == .hugetlb else { return spaces[index].areas.highestGap(plan.count, in: bounds) }
        guard let gap = spaces[index].areas.highestGap(plan.count + 511, in: bounds) else { return nil }
        let start = gap.start.hugeEnd
        return PageRange(start, start + plan.count)
    }

    private func place(_ index: Int, _ plan: MappingPlan) throws(MappingRefusal) -> PageRange {
        if let start = plan.start { return PageRange(start, start + plan.count) }
        guard let gap = freePlace(index, plan) else { throw .noGap }
        return gap
    }

    /// A driver puts a zeroed page wherever its file is mapped. Kernel: vm_insert_page().
    private mutating func fillDeviceArea(_ index: Int, _ range: PageRange) {
        for offset in 0..<range.count {
            let page = range.start + offset
            guard spaces[index].table.hasRoom(for: page), let frame = allocateZeroed() else { return }
            map(frame)
            spaces[index].table.set(page, PageEntry(.system, frame, writable: false))
            spaces[index].resident += 1
        }
    }
}
