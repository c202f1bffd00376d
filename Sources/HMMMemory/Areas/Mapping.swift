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
    public var replaced: PageRange? { replaces ? start.map { PageRange($0, $0 + count) } : nil }

    /// The same as `freePlace`, of the gaps that grow from the highest down.
    public func place(in gaps: [PageRange]) -> PageRange? {
        let needed = kind == .hugetlb ? count + 511 : count
        var low = 0
        var high = gaps.count
        while low < high {
            let middle = (low + high) / 2
            if gaps[middle].count < needed { low = middle + 1 } else { high = middle }
        }
        guard low < gaps.count else { return nil }
        let end = gaps[low].end
        let first = Page(number: end.number - needed)
        return kind == .hugetlb ? PageRange(first.hugeEnd, first.hugeEnd + count) : PageRange(first, end)
    }
}

/// `mmap`: a new area. Where it replaces another it unmaps that first. Kernel: mmap(2).
public struct Mapping: SteppedWork {
    public let space: SpaceID
    public let plan: MappingPlan
    private let areaLimit: Int
    private var phase = Phase.begin
    /// What a device's file takes, and a mapping of the reserve, once nothing is in their way.
    private var promise = Promise()
    /// The file stays while mirrors let go of what is there.
    private var kept: FileID?
    /// Where it is, in the end.
    public private(set) var range: PageRange?
    /// Why it was refused, when the step failed with `.refused`.
    public private(set) var refusal: MappingRefusal?

    public init(_ space: SpaceID, _ plan: MappingPlan, areaLimit: Int) {
        self.space = space
        self.plan = plan
        self.areaLimit = areaLimit
    }

    private enum Phase: Equatable {
        case begin
        /// What is there goes.
        case unmapping(Unmapping)
        /// A device's file is there up to this page.
        case filling(Page)
    }

    /// Once it has begun to unmap nothing can refuse it: what it needs has been set aside.
    public mutating func step(_ machine: inout Machine) -> Step {
        if case .begin = phase {
            if let refusal = machine.refusal(of: plan, space, areaLimit) { return refuse(refusal) }
            guard let replaced = plan.replaced else { return map(&machine) }
            prepare(&machine, replaced)
            phase = .unmapping(Unmapping(space, replaced))
        }
        if case .filling = phase { return fill(&machine) }
        guard case .unmapping(var work) = phase else { return .done }
        let step = work.step(&machine)
        phase = .unmapping(work)
        if case .failed = step { abandon(&machine) }
        guard step == .done else { return step }
        machine.takeBack(&promise)
        defer { letFileGo(&machine) }
        return map(&machine)
    }

    private mutating func prepare(_ machine: inout Machine, _ replaced: PageRange) {
        if plan.kind == .device, let index = machine.spaces.index(of: space) {
            promise = Promise(frames: plan.count, nodes: machine.spaces[index].table.missingNodes(replaced))
        }
        if plan.kind == .hugetlb { promise.hugePages = plan.count / 512 }
        machine.setAside(promise)
        if let file = plan.file {
            kept = file
            machine.keep(file)
        }
    }

    private mutating func letFileGo(_ machine: inout Machine) {
        if let kept { machine.forgetName(kept) }
        kept = nil
    }

    /// It does not come to map anything.
    public mutating func abandon(_ machine: inout Machine) {
        machine.takeBack(&promise)
        letFileGo(&machine)
    }

    private mutating func map(_ machine: inout Machine) -> Step {
        do throws(MappingRefusal) {
            let place = try machine.map(space, plan)
            range = place
            phase = .filling(place.start)
            return fill(&machine)
        } catch {
            return refuse(error)
        }
    }

    /// Goes on with a device's file: there are frames for it, and nobody comes between.
    private mutating func fill(_ machine: inout Machine) -> Step {
        guard plan.kind == .device, case .filling(var page) = phase, let range,
            let index = machine.spaces.index(of: space)
        else { return .done }
        let isDone = machine.fillDeviceArea(index, range, from: &page)
        phase = .filling(page)
        return isDone ? .done : .more
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
    /// A device's file takes more page frames than are left.
    case noFrames
    /// The file has gone.
    case noFile
    /// Huge pages of the reserve begin at multiples of 2 MiB. Kernel: -EINVAL.
    case unaligned
    case noSpace
}

extension Machine {
    /// Maps memory at once; where something has to be unmapped first there is `Mapping`.
    public mutating func mapArea(
        _ space: SpaceID, _ plan: MappingPlan, areaLimit: Int
    ) throws(MappingRefusal) -> PageRange {
        if let refusal = refusal(of: plan, space, areaLimit) { throw refusal }
        let range = try map(space, plan)
        guard plan.kind == .device, let index = spaces.index(of: space) else { return range }
        var page = range.start
        while !fillDeviceArea(index, range, from: &page) {}
        return range
    }

    /// Maps what `refusal` has nothing against; the pages of a device's file come afterwards.
    mutating func map(_ space: SpaceID, _ plan: MappingPlan) throws(MappingRefusal) -> PageRange {
        guard let index = spaces.index(of: space) else { throw .noSpace }
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
        return range
    }

    /// What can be said before anything is unmapped.
    func refusal(of plan: MappingPlan, _ space: SpaceID, _ areaLimit: Int) -> MappingRefusal? {
        guard let index = spaces.index(of: space) else { return .noSpace }
        // Once what was there has gone, nothing is cut any more: what is allowed before is not refused after.
        let cuts = plan.replaced.map { spaces[index].areas.growth(removing: $0) } ?? 0
        if spaces[index].areas.areas.count + cuts >= areaLimit { return .tooManyAreas }
        if let file = plan.file, !files.contains(file) { return .noFile }
        if plan.kind == .hugetlb, hugePagesReserved + plan.count / 512 > hugePages + reservedPages(of: plan, index) {
            return .noHugePages
        }
        if let start = plan.start {
            if start < AddressSpace.lowest { return .tooLow }
            if plan.kind == .hugetlb, start.number & 511 != 0 { return .unaligned }
            guard start.number + plan.count <= AddressSpace.highest.number else { return .noGap }
            if !plan.replaces, spaces[index].areas.overlaps(PageRange(start, start + plan.count)) {
                return .taken(start)
            }
        }
        return plan.kind == .device && !hasRoom(for: plan, index) ? .noFrames : nil
    }

    /// Huge pages of the reserve that come free when a mapping replaces what is there.
    private func reservedPages(of plan: MappingPlan, _ index: Int) -> UInt64 {
        guard let range = plan.replaced else { return 0 }
        let areas = spaces[index].areas
        return areas.areas[areas.indices(overlapping: range)].reduce(0) {
            $1.kind == .hugetlb ? $0 + $1.range.clamped(to: range).count / 512 : $0
        }
    }

    /// Frames for every page of a device's file are left, those counted that nobody else has of what it replaces.
    private func hasRoom(for plan: MappingPlan, _ index: Int) -> Bool {
        let place = plan.start.map { PageRange($0, $0 + plan.count) } ?? freePlace(index, plan)
        guard let place, spaces[index].table.missingNodes(place) <= tableNodes.free else { return false }
        if plan.count <= framesFree { return true }
        var free = framesFree
        guard let range = plan.replaced else { return false }
        var page = range.start
        while free < plan.count, let piece = spaces[index].table.nextLeaf(from: page, before: range.end) {
            for offset in 0..<piece.count where piece[offset].hasFrame {
                if physical.frame(piece[offset].frame).pointee.references == 1 { free += 1 }
            }
            page = piece.start + UInt64(piece.count)
        }
        return plan.count <= free
    }

    /// Where `mapArea` would put an area without being told where.
    public func freePlace(_ space: SpaceID, _ plan: MappingPlan) -> PageRange? {
        spaces.index(of: space).flatMap { freePlace($0, plan) }
    }

    /// Where there is room for areas of any length: see `MappingPlan.place(in:)`.
    public func growingGaps(_ space: SpaceID) -> [PageRange] {
        guard let index = spaces.index(of: space) else { return [] }
        return spaces[index].areas.growingGaps(in: PageRange(AddressSpace.lowest, AddressSpace.highest))
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

    /// A driver puts a zeroed page wherever its file is mapped: from `page` on, one at least, until the slice is spent;
    /// false when there is more. Kernel: vm_insert_page().
    fileprivate mutating func fillDeviceArea(_ index: Int, _ range: PageRange, from page: inout Page) -> Bool {
        while page < range.end, let frame = allocateZeroed(promised: true) {
            map(frame)
            spaces[index].table.set(page, PageEntry(.system, frame, writable: false))
            spaces[index].resident += 1
            page = page + 1
            if isSliceSpent, page < range.end { return false }
        }
        return true
    }
}
