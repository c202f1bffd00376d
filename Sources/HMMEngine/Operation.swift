internal import HMMMemory
internal import HMMProtocol

/// The number of a paused request, as `pending` shows it.
struct OperationID: Identifier {
    let rawValue: UInt32
    init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// Whom an answer is for.
struct Caller: Equatable {
    let connection: ConnectionID
    let tag: Tag
}

/// A request in the middle of its work, as data: it can be stored, shown, compared and resumed.
struct Operation: Equatable {
    let caller: Caller
    let verb: VerbName
    let space: SpaceID
    var work: Work
    /// `nowait=yes`: it answers BUSY where it would have to wait for another's range.
    var refusesToWait = false
    var state = State.running
    /// Mirrors that let go, over all rounds.
    var acked: UInt64 = 0
    /// Mirrors fenced because their lease ran out, over all rounds.
    var fenced: UInt64 = 0

    enum State: Equatable {
        case running
        /// An invalidation is out; other requests keep off `held` until it is over.
        case inRound(Round, held: PageRange)
        /// Another request holds part of the range this one wants.
        case parked(behind: OperationID)
    }

    /// What a request does, step by step.
    enum Work: Equatable {
        case load(CPUAccess, Read)
        case store(CPUAccess, Write)
        case fault(RangeFault)
        case snapshot(MirrorID, PageRange)
        case deviceLoad(DeviceAccess, DeviceRead)
        case deviceStore(DeviceAccess, DeviceWrite)
        case unmap(Unmapping)
        case protect(ProtectionChange)
        case map(Mmap)
        case exit(SpaceExit)
        case migrate(Migration)
    }
}

/// An invalidation that waits for mirrors. Kernel: from mmu_notifier_invalidate_range_start() to its return.
struct Round: Equatable {
    struct Waiting: Equatable {
        let mirror: MirrorID
        let connection: ConnectionID
        let event: UInt64
        /// When the lease ends; nil when the address space waits for ever.
        let deadline: Instant?
        /// When a `lease` warning is due; nil when sent or not wanted.
        var warning: Instant?
    }

    let invalidation: Invalidation
    var waiting: [Waiting] = []

    /// The next time something is due.
    var nextDeadline: Instant? {
        var next: Instant?
        for entry in waiting {
            for time in [entry.deadline, entry.warning] {
                if let time, next.map({ time < $0 }) ?? true { next = time }
            }
        }
        return next
    }
}

extension Operation {
    /// The pages the work needs for itself; nil when it needs none.
    func wanted(_ machine: borrowing Machine) -> PageRange? {
        switch work {
        case .load(let access, _), .store(let access, _): access.pages
        case .fault(let fault): fault.pages
        case .snapshot(_, let range): range
        case .deviceLoad(let access, _), .deviceStore(let access, _):
            access.firstMissing(machine).map { PageRange($0, access.pages.end) }
        case .unmap(let unmapping): unmapping.range
        case .protect(let change): change.range
        case .map(let mmap): place(of: mmap, machine)
        case .exit: AddressSpace.everything
        case .migrate(let migration): migration.range
        }
    }

    /// Where a mapping will be: where the client says, or where there is room now.
    private func place(of mmap: Mmap, _ machine: borrowing Machine) -> PageRange? {
        if let va = mmap.va { return PageRange(touching: va, length: mmap.length) }
        return machine.freePlace(space, PageRange(touching: 0, length: mmap.length).count)
    }

    /// The pages that others keep off while an invalidation of this work is out.
    func held(during invalidation: Invalidation) -> PageRange {
        switch work {
        case .load, .store, .fault, .snapshot, .deviceLoad, .deviceStore, .map: invalidation.range
        case .unmap(let unmapping): unmapping.range
        case .protect(let change): change.range
        case .exit: AddressSpace.everything
        case .migrate(let migration): migration.range
        }
    }

    /// It changes no mapping: it loads, stores, faults or looks.
    var isAccess: Bool {
        switch work {
        case .load, .store, .fault, .snapshot, .deviceLoad, .deviceStore: true
        case .unmap, .protect, .map, .exit, .migrate: false
        }
    }

    /// Mirrors that are not told, because their driver is the one that asks.
    var exempt: [MirrorID] {
        if case .migrate(let migration) = work { migration.exempt } else { [] }
    }

    /// One step of the work.
    mutating func step(_ machine: inout Machine) -> Step {
        switch work {
        case .load(var access, let request):
            let step = access.step(&machine)
            work = .load(access, request)
            return step
        case .store(var access, let request):
            let step = access.step(&machine)
            work = .store(access, request)
            return step
        case .fault(var fault):
            let step = fault.step(&machine)
            work = .fault(fault)
            return step
        case .deviceLoad(var access, let request):
            let step = access.step(&machine)
            work = .deviceLoad(access, request)
            return step
        case .deviceStore(var access, let request):
            let step = access.step(&machine)
            work = .deviceStore(access, request)
            return step
        case .unmap(var unmapping):
            let step = unmapping.step(&machine)
            work = .unmap(unmapping)
            return step
        case .protect(var change):
            let step = change.step(&machine)
            work = .protect(change)
            return step
        case .exit(var exit):
            let step = exit.step(&machine)
            work = .exit(exit)
            return step
        case .migrate(var migration):
            let step = migration.step(&machine)
            work = .migrate(migration)
            return step
        case .snapshot(_, let range):
            return machine.spaces.contains(space) ? .done : .failed(MemoryFault(.gone, range.start))
        case .map: return .done
        }
    }

    /// Time has passed: makes the change whose announcement is over, before anything else comes between; what else the
    /// work found may not be true any more.
    mutating func restart(_ machine: inout Machine) -> MemoryFault? {
        switch work {
        case .load(var access, let request):
            let fault = access.restart(&machine)
            work = .load(access, request)
            return fault
        case .store(var access, let request):
            let fault = access.restart(&machine)
            work = .store(access, request)
            return fault
        case .fault(var running):
            let fault = running.restart(&machine)
            work = .fault(running)
            return fault
        case .deviceLoad(var access, let request):
            let fault = access.restart(&machine)
            work = .deviceLoad(access, request)
            return fault
        case .deviceStore(var access, let request):
            let fault = access.restart(&machine)
            work = .deviceStore(access, request)
            return fault
        // These keep their whole range until they are done.
        case .snapshot, .unmap, .protect, .map, .exit, .migrate: return nil
        }
    }

    /// Undoes what is half done.
    mutating func abandon(_ machine: inout Machine) {
        if case .migrate(var migration) = work { migration.abandon(&machine) }
    }
}
