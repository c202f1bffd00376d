internal import HMMMemory
internal import HMMProtocol

/// Which pages an operation wants for itself, and which it holds while mirrors are told.
extension Operation {
    /// The pages the work needs for itself, with those that its faults may map beside; nil when it needs none.
    func wanted(_ machine: borrowing Machine) -> PageRange? {
        guard let range = needed(machine) else { return nil }
        // Who keeps a range waits for no more than that: two that keep neighbouring pages would wait for each other.
        return accessedPages != nil && !keepsOn ? machine.faultReach(of: range, in: space) : range
    }

    /// Looks up what it wants where that takes long.
    mutating func findMissing(_ machine: inout Machine) {
        switch work {
        case .deviceLoad(let access, _), .deviceStore(let access, _):
            missing = access.findMissing(&machine).map { PageRange($0, access.pages.end) }
        default: break
        }
    }

    private func needed(_ machine: borrowing Machine) -> PageRange? {
        switch work {
        case .load(let access, _), .store(let access, _): access.pages
        case .sweep(let sweep): sweep.pages
        case .fault(let fault): fault.pages
        case .legacy(let fault, _): fault.pages
        case .snapshot(let look): look.range
        case .deviceLoad, .deviceStore: missing
        case .map(let mapping, _): place(of: mapping.value, machine)
        case .cut, .evict, .copy, .idle: nil
        // Its own migration keeps others off already.
        case .stage(let staged, let id): id == nil ? staged.range : nil
        // Whoever waits for it holds the range.
        case .migrate(_, .callback): nil
        default: kept
        }
    }

    /// Where a mapping will be: where the client says, or where there is room now.
    private func place(of mapping: Mapping, _ machine: borrowing Machine) -> PageRange? {
        if let start = mapping.plan.start { return PageRange(start, start + mapping.plan.count) }
        return machine.freePlace(space, mapping.plan)
    }

    /// The mapping whose place the server chooses.
    var placedMapping: MappingPlan? {
        guard case .map(let mapping, _) = work, mapping.plan.start == nil else { return nil }
        return mapping.plan
    }

    /// The range that work keeps from its first announcement to its end; nil for work that keeps none.
    private var kept: PageRange? {
        switch work {
        case .unmap(let unmapping): unmapping.range
        case .protect(let change): change.range
        case .remap(let remapping): remapping.reach
        case .advise(let change): change.range
        case .exit, .fork, .reap: AddressSpace.everything
        case .migrate(let migration, _): migration.range
        case .exclusive(let access): access.pages
        case .pin(let pinning): pinning.pages
        case .stage(let staged, _): staged.range
        default: nil
        }
    }

    /// The pages that others keep off while an invalidation of this work is out: its own, those of the announcement,
    /// and those elsewhere that have been announced and not changed yet.
    func held(during invalidation: Invalidation) -> [Hold] {
        var holds = [Hold(space: invalidation.space, range: invalidation.range)]
        if let kept { holds.append(Hold(space: space, range: kept)) }
        // Before a huge page is split each part of it is told as a whole, and nothing of it may be used until then.
        let isSplit = invalidation.reason == .clear && invalidation.range.count >= 512
        return holds + heldElsewhere(isSplit: isSplit)
    }

    /// Pages that have been announced beside its own range and not changed yet.
    private func heldElsewhere(isSplit: Bool) -> [Hold] {
        var holds = told.map { place in
            let hold = Hold(space: place.space, range: PageRange(place.page))
            return isSplit ? hold.wholeParts : hold
        }
        switch work {
        case .cut(let cut): holds += cut.told
        case .advise(let change): holds += change.cutParts
        case .exclusive(let access): holds += access.told
        case .stage(let staged, _): holds += isSplit ? staged.told.map(\.wholeParts) : staged.told
        default: if let returning { holds.append(returning) }
        }
        return holds
    }

    /// Pages of an access that are on their way back from a device.
    private var returning: Hold? {
        switch work {
        case .load(let access, _), .store(let access, _): access.returning
        case .sweep(let sweep): sweep.returning
        case .fault(let fault): fault.returning
        case .legacy(let fault, _): fault.returning
        case .deviceLoad(let access, _), .deviceStore(let access, _): access.returning
        default: nil
        }
    }

    /// What it may hold or want as long as its state stays, wherever it comes to look for that.
    var claims: [Hold] {
        switch state {
        case .running: []
        case .inRound(_, let held), .open(let held), .consulting(_, let held): Self.covering(held)
        case .parked:
            keepsOn ? Self.covering((held ?? []) + heldElsewhere(isSplit: true) + reach) : reach
        }
    }

    /// It keeps others off, and does not only wait.
    var holds: Bool {
        if case .parked = state { return keepsOn }
        return true
    }

    /// The most that it can come to want while it waits.
    private var reach: [Hold] {
        let range: PageRange? =
            switch work {
            case .map(let mapping, _):
                mapping.plan.start.map { PageRange($0, $0 + mapping.plan.count) } ?? AddressSpace.everything
            case .load(let access, _), .store(let access, _): access.pages
            case .sweep(let sweep): sweep.pages
            case .fault(let fault): fault.pages
            case .legacy(let fault, _): fault.pages
            case .snapshot(let look): look.range
            case .deviceLoad(let access, _), .deviceStore(let access, _): access.pages
            case .stage(let staged, _): staged.range
            default: kept
            }
        guard let range else { return [] }
        // What a fault maps beside its page lies in the same table.
        let faults = accessedPages != nil && !keepsOn
        return [Hold(space: space, range: faults ? range.wholeTables : range)]
    }

    /// A few ranges that cover `holds`, one for each address space where there are many.
    private static func covering(_ holds: [Hold]) -> [Hold] {
        guard holds.count > 4 else { return holds }
        var ranges: [SpaceID: PageRange] = [:]
        for hold in holds {
            let range = ranges[hold.space] ?? hold.range
            ranges[hold.space] = PageRange(min(range.start, hold.range.start), max(range.end, hold.range.end))
        }
        return ranges.sorted { $0.key < $1.key }.map { Hold(space: $0.key, range: $0.value) }
    }

    /// What others keep off now; nil when it holds nothing.
    var held: [Hold]? {
        switch state {
        case .inRound(_, let held), .open(let held), .consulting(_, let held): held
        // Another came between its rounds: what it has announced it does without announcing it again.
        case .parked: hasBegun ? kept.map { [Hold(space: space, range: $0)] } : nil
        case .running: nil
        }
    }

    /// How much whoever wants to know what it holds has to look at.
    var lookedAt: UInt64 {
        switch state {
        case .inRound(_, let held), .open(let held), .consulting(_, let held): UInt64(held.count)
        case .parked, .running: 1
        }
    }

    /// It has begun to announce a change of the whole range that it keeps.
    var keepsOn: Bool { hasBegun && kept != nil }

    /// It waits for another that came between its rounds, and pages of `range` have been announced that it will not
    /// announce again: nobody may look at them until it has changed them. Who has announced them as well may pass.
    /// Work that keeps nothing makes its changes before it waits.
    func hasAnnounced(_ range: PageRange, of space: SpaceID) -> Bool {
        guard keepsOn, case .parked = state else { return false }
        return heldElsewhere(isSplit: true).contains { $0.space == space && $0.range.overlaps(range) }
    }

    private var told: [Place] {
        switch work {
        case .load(let access, _), .store(let access, _): access.told
        case .sweep(let sweep): sweep.told
        case .fault(let fault): fault.told
        case .legacy(let fault, _): fault.told
        case .deviceLoad(let access, _), .deviceStore(let access, _): access.told
        case .migrate(let migration, _): migration.told
        case .pin(let pinning): pinning.told
        case .evict(let eviction, _): eviction.told
        case .advise(let change): change.told
        default: []
        }
    }

    /// It takes pages as they are. Kernel: hmm_range_fault() without a request; hmm_vma_get_pfns() of 2017.
    var looksOnly: Bool {
        if case .snapshot = work { return true }
        return verb == .getPfns
    }

    /// It changes no mapping: it loads, stores, faults or looks.
    var isAccess: Bool {
        switch work {
        case .load, .store, .sweep, .fault, .legacy, .snapshot, .deviceLoad, .deviceStore: true
        default: false
        }
    }

    /// It needs pages for the CPU's fault path: what it moves comes back because of that.
    var isFault: Bool {
        switch work {
        case .load, .store, .sweep, .fault, .legacy, .deviceLoad, .deviceStore, .pin, .exclusive, .advise: !isExcused
        default: false
        }
    }
}

extension Hold {
    /// With all of the parts of a huge page that its pages may be in.
    fileprivate var wholeParts: Hold {
        Hold(space: space, range: PageRange(Page(number: range.start.number & ~511), range.end + 511))
    }
}
