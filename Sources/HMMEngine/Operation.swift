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

    /// The server itself.
    static var nobody: Caller { Caller(connection: ConnectionID(rawValue: 0), tag: .none) }
}

/// A request in the middle of its work, as data: it can be stored, shown, compared and resumed.
struct Operation: Equatable {
    let caller: Caller
    let verb: VerbName
    let space: SpaceID
    var work: Work
    /// What is done once the work is, before anything else happens.
    var bulk: BulkAccess?
    /// What it finds out before it begins.
    var ahead: Boxed<LookAhead>?
    /// What the device lacks that an access is for, as last looked up: that takes as long as the access is.
    var missing: PageRange?
    /// `nowait=yes`: it answers BUSY where it would have to wait for another's range.
    var refusesToWait = false
    var state = State.running
    /// What the engine's `claims` have of it.
    var claimed: [Hold] = []
    /// Bytes of data that its request has brought, as the engine's `waitingBytes` count them.
    var payload = 0
    /// Something has been announced: it goes on to its end, whoever hears of it.
    var hasBegun = false
    /// A driver's client has been asked already: the server goes on.
    var isExcused = false
    /// Mirrors that let go, over all rounds.
    var acked: UInt64 = 0
    /// Mirrors fenced because their lease ran out, over all rounds.
    var fenced: UInt64 = 0

    enum State: Equatable {
        case running
        /// An invalidation is out; other requests keep off `held` until it is over.
        case inRound(Round, held: [Hold])
        /// A driver's client is asked what is to come back.
        case consulting(Consultation, held: [Hold])
        /// Answered; others keep off `held` until its migration ends.
        case open(held: [Hold])
        /// Another request holds part of the range this one wants.
        case parked(behind: OperationID)
    }

    /// What a request does, step by step, and the request where its answer needs it. What is long and seldom is boxed.
    enum Work: Equatable {
        /// It is being stepped.
        case idle
        case load(CPUAccess, Read)
        case store(CPUAccess, Write)
        case sweep(Boxed<PageSweep>)
        case fault(RangeFault)
        case snapshot(RunLook)
        case pagemap(MappingLook)
        case exclusiveHeld(ExclusiveCount)
        case deviceLoad(DeviceAccess, DeviceRead)
        case deviceStore(DeviceAccess, DeviceWrite)
        case unmap(Unmapping)
        case protect(ProtectionChange)
        indirect case map(Boxed<Mapping>, Mmap)
        case remap(Boxed<Remapping>)
        case advise(Boxed<AdviceChange>)
        case fork(Fork)
        case exit(SpaceExit)
        case reap(Boxed<Reaping>)
        indirect case migrate(Boxed<Migration>, Migrating)
        case exclusive(Boxed<ExclusiveAccess>)
        case pin(Boxed<Pinning>)
        case unpin(Unpinning)
        case cut(Boxed<FileCut>)
        /// So many bytes of a file, of those that were asked for.
        indirect case fileLoad(FileID, UInt64, FileRead)
        indirect case fileStore(Boxed<FileAllocation>, FileWrite)
        /// A file gets its name once all of it is there.
        indirect case fileCreate(Boxed<FileAllocation>, ShortName)
        case fileRemove(FileRemoval)
        indirect case evict(Boxed<Eviction>, Evicting)
        /// `migrate.begin`, or `migrate.finish` of the migration so numbered.
        indirect case stage(Boxed<StagedMigration>, MigrationID?)
        /// `migrate.abort`, or the end of a migration that cannot go on; without a number it never was open.
        indirect case rollBack(Boxed<StagedMigration>, MigrationID?)
        /// `migrate.copy`
        indirect case copy(Boxed<StagedMigration>, MigrationID)
        /// `hmm.vma-get-pfns` and `hmm.vma-fault`, and where their pages are then.
        case legacy(Boxed<RangeFault>, Boxed<MappingLook>)
        case check(Boxed<StateCheck>)
    }

    /// On whose behalf pages of an address space move.
    enum Migrating: Equatable {
        /// `migrate`: of whoever asks.
        case asked
        /// `dev.migrate`: of a mirror's driver.
        case driver(MirrorID)
        /// `to-ram`: of a driver whose device's page the operation waits for.
        case callback(OperationID, Consultation)
    }

    /// What device memory is evicted for.
    enum Evicting: Equatable {
        case asked
        /// A mirror of a device whose driver evicts everything then has been dropped.
        case mirrorDrop
        case region(RegionID)
        case device(DeviceID)
        /// A connection has gone: of what goes with it, the first goes first.
        case managed([Managed.Thing])
    }
}

extension Operation {
    /// The pages that it accesses, as far as that may take page frames that can be counted beforehand.
    @inline(__always)
    var accessedPages: UInt64? {
        switch work {
        case .load(let access, _), .store(let access, _): access.pages.count
        case .sweep(let sweep): sweep.pages.count
        case .fault(let fault): fault.request.takesNothing ? nil : fault.pages.count
        case .legacy(let fault, _): fault.request.takesNothing ? nil : fault.pages.count
        case .deviceLoad(let access, _), .deviceStore(let access, _): access.pages.count
        case .exclusive(let access): access.pages.count
        case .pin(let pinning): pinning.pages.count
        case .advise(let change) where change.advice == .populateRead || change.advice == .populateWrite:
            change.range.count
        default: nil
        }
    }

    /// The page frames that it takes for those.
    func demand(_ machine: borrowing Machine) -> FrameDemand? {
        switch work {
        case .load(let access, _), .store(let access, _):
            FrameDemand(access.space, access.pages, .access(write: access.isWrite))
        case .sweep(let sweep): FrameDemand(sweep.space, sweep.pages, .sweep(write: sweep.fill != nil))
        case .fault(let fault): fault.demand
        case .legacy(let fault, _): fault.demand
        case .deviceLoad(let access, _), .deviceStore(let access, _): access.demand(machine)
        case .exclusive(let access): FrameDemand(access.space, access.pages, .exclusive)
        case .pin(let pinning): pinning.demand
        case .advise(let change):
            FrameDemand(change.space, change.range, .access(write: change.advice == .populateWrite))
        default: nil
        }
    }
}
