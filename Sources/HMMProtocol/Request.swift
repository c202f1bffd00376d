/// What every verb's type offers.
public protocol Verb: Equatable, Sendable {
    static var spec: VerbSpec { get }
}

/// One decoded request: a case a verb, and one more for a `fault` that asks page by page. Those with names, and long
/// ones, are boxed, so that the common ones stay small.
public enum Request: Equatable, Sendable {
    indirect case auth(Auth)
    indirect case hello(Hello)
    case ping(Ping)
    indirect case help(Help)
    case limits(ShowLimits)
    case quota(ShowQuota)
    case pending(Pending)
    case check(Check)
    case config(Config)
    case record(Recorder)
    case ack(Ack)
    case quit(Quit)
    case spaceCreate(SpaceCreate)
    case spaceFork(SpaceFork)
    case spaceDrop(SpaceDrop)
    case spaceReap(SpaceReap)
    indirect case mmap(Mmap)
    case munmap(Munmap)
    indirect case mremap(Mremap)
    case mprotect(Mprotect)
    case madvise(Madvise)
    case maps(Maps)
    case pagemap(Pagemap)
    case read(Read)
    case write(Write)
    case pin(Pin)
    case unpin(Unpin)
    indirect case fileCreate(FileCreate)
    indirect case fileTruncate(FileTruncate)
    indirect case fileRead(FileRead)
    indirect case fileWrite(FileWrite)
    indirect case fileRemove(FileRemove)
    case fileList(FileList)
    indirect case deviceCreate(DeviceCreate)
    case deviceList(DeviceList)
    indirect case inject(Inject)
    indirect case deviceRemove(DeviceRemove)
    indirect case regionCreate(RegionCreate)
    case regionRemove(RegionRemove)
    indirect case evict(Evict)
    indirect case mirror(MirrorCreate)
    case mirrorDrop(MirrorDrop)
    case fault(Fault)
    indirect case faultPages(FaultPages)
    case snapshot(Snapshot)
    case deviceRead(DeviceRead)
    case deviceWrite(DeviceWrite)
    indirect case migrate(Migrate)
    case deviceMigrate(DeviceMigrate)
    case exclusive(Exclusive)
    case exclusiveHeld(ExclusiveHeld)
    case migrateBegin(MigrateBegin)
    case migrateCopy(MigrateCopy)
    case migrateFinish(MigrateFinish)
    case migrateAbort(MigrateAbort)
    case toRAM(ToRAM)
    indirect case mirrorRegister(MirrorRegister)
    case mirrorUnregister(MirrorUnregister)
    case getPfns(GetPfns)
    case vmaFault(VmaFault)
    case rangeDone(RangeDone)
    indirect case devmemAdd(DevmemAdd)
    indirect case devmemAddResource(DevmemAddResource)
    indirect case umbrellaNew(UmbrellaNew)
    indirect case umbrellaPut(UmbrellaPut)
    indirect case migrateVma(MigrateVma)

    /// Puts in place the octets of a literal, which follow their line.
    mutating func receive(literal: [UInt8]) {
        switch self {
        case .write(var write):
            write.data = literal
            self = .write(write)
        case .deviceWrite(var write):
            write.data = literal
            self = .deviceWrite(write)
        case .fileWrite(var write):
            write.data = literal
            self = .fileWrite(write)
        case .auth(var auth):
            auth.token = literal
            self = .auth(auth)
        case .faultPages(var fault):
            fault.pages = literal
            self = .faultPages(fault)
        default: break
        }
    }
}

/// The verbs without their arguments, in the order of the manual.
public enum VerbName: UInt8, CaseIterable, Sendable {
    case hello, auth, ping, help, limits, quota, pending, check, config, record, ack, quit
    case spaceCreate, spaceFork, spaceDrop, spaceReap, mmap, munmap, mremap, mprotect, madvise, maps, pagemap
    case read, write, pin, unpin
    case fileCreate, fileTruncate, fileRead, fileWrite, fileRemove, fileList
    case deviceCreate, deviceList, deviceRemove, inject, regionCreate, regionRemove, evict
    case mirror, mirrorDrop, fault, snapshot, deviceRead, deviceWrite, migrate, deviceMigrate
    case exclusive, exclusiveHeld, migrateBegin, migrateCopy, migrateFinish, migrateAbort, toRAM
    case mirrorRegister, mirrorUnregister, getPfns, vmaFault, rangeDone, devmemAdd
    case devmemAddResource, umbrellaNew, umbrellaPut, migrateVma

    public var type: any Verb.Type {
        switch self {
        case .hello: Hello.self
        case .auth: Auth.self
        case .ping: Ping.self
        case .help: Help.self
        case .limits: ShowLimits.self
        case .quota: ShowQuota.self
        case .pending: Pending.self
        case .check: Check.self
        case .config: Config.self
        case .record: Recorder.self
        case .ack: Ack.self
        case .quit: Quit.self
        case .spaceCreate: SpaceCreate.self
        case .spaceFork: SpaceFork.self
        case .spaceDrop: SpaceDrop.self
        case .spaceReap: SpaceReap.self
        case .mmap: Mmap.self
        case .munmap: Munmap.self
        case .mremap: Mremap.self
        case .mprotect: Mprotect.self
        case .madvise: Madvise.self
        case .maps: Maps.self
        case .pagemap: Pagemap.self
        case .read: Read.self
        case .write: Write.self
        case .pin: Pin.self
        case .unpin: Unpin.self
        case .fileCreate: FileCreate.self
        case .fileTruncate: FileTruncate.self
        case .fileRead: FileRead.self
        case .fileWrite: FileWrite.self
        case .fileRemove: FileRemove.self
        case .fileList: FileList.self
        case .deviceCreate: DeviceCreate.self
        case .deviceList: DeviceList.self
        case .deviceRemove: DeviceRemove.self
        case .inject: Inject.self
        case .regionCreate: RegionCreate.self
        case .regionRemove: RegionRemove.self
        case .evict: Evict.self
        case .mirror: MirrorCreate.self
        case .mirrorDrop: MirrorDrop.self
        case .fault: Fault.self
        case .snapshot: Snapshot.self
        case .deviceRead: DeviceRead.self
        case .deviceWrite: DeviceWrite.self
        case .migrate: Migrate.self
        case .deviceMigrate: DeviceMigrate.self
        case .exclusive: Exclusive.self
        case .exclusiveHeld: ExclusiveHeld.self
        case .migrateBegin: MigrateBegin.self
        case .migrateCopy: MigrateCopy.self
        case .migrateFinish: MigrateFinish.self
        case .migrateAbort: MigrateAbort.self
        case .toRAM: ToRAM.self
        case .mirrorRegister: MirrorRegister.self
        case .mirrorUnregister: MirrorUnregister.self
        case .getPfns: GetPfns.self
        case .vmaFault: VmaFault.self
        case .rangeDone: RangeDone.self
        case .devmemAdd: DevmemAdd.self
        case .devmemAddResource: DevmemAddResource.self
        case .umbrellaNew: UmbrellaNew.self
        case .umbrellaPut: UmbrellaPut.self
        case .migrateVma: MigrateVma.self
        }
    }

    public var spec: VerbSpec { type.spec }

    /// The request that `arguments` make of this verb. The few that most lines ask for are decoded on the spot.
    @inline(__always)
    func decode(_ arguments: borrowing Arguments) throws(Failure) -> Request {
        switch self {
        case .ping: .ping(Ping(arguments))
        case .fault where !arguments.has(Fault.pages): .fault(try Fault(arguments))
        case .read: .read(try Read(arguments))
        case .write: .write(try Write(arguments))
        case .munmap: .munmap(try Munmap(arguments))
        default: try decodeAny(arguments)
        }
    }

    @inline(never)
    private func decodeAny(_ arguments: borrowing Arguments) throws(Failure) -> Request {
        switch self {
        case .hello: .hello(try Hello(arguments))
        case .auth: .auth(Auth(arguments))
        case .ping: .ping(Ping(arguments))
        case .quota: .quota(ShowQuota(arguments))
        case .help: .help(Help(arguments))
        case .limits: .limits(ShowLimits(arguments))
        case .pending: .pending(Pending(arguments))
        case .check: .check(Check(arguments))
        case .config: .config(Config(arguments))
        case .record: .record(Recorder(arguments))
        case .ack: .ack(Ack(arguments))
        case .quit: .quit(Quit(arguments))
        case .spaceCreate: .spaceCreate(SpaceCreate(arguments))
        case .spaceFork: .spaceFork(SpaceFork(arguments))
        case .spaceDrop: .spaceDrop(SpaceDrop(arguments))
        case .spaceReap: .spaceReap(SpaceReap(arguments))
        case .mmap: .mmap(try Mmap(arguments))
        case .munmap: .munmap(try Munmap(arguments))
        case .mremap: .mremap(try Mremap(arguments))
        case .mprotect: .mprotect(try Mprotect(arguments))
        case .madvise: .madvise(try Madvise(arguments))
        case .maps: .maps(Maps(arguments))
        case .pagemap: .pagemap(try Pagemap(arguments))
        case .read: .read(try Read(arguments))
        case .write: .write(try Write(arguments))
        case .pin: .pin(try Pin(arguments))
        case .unpin: .unpin(Unpin(arguments))
        case .fileCreate: .fileCreate(try FileCreate(arguments))
        case .fileTruncate: .fileTruncate(try FileTruncate(arguments))
        case .fileRead: .fileRead(try FileRead(arguments))
        case .fileWrite: .fileWrite(try FileWrite(arguments))
        case .fileRemove: .fileRemove(FileRemove(arguments))
        case .fileList: .fileList(FileList(arguments))
        case .deviceCreate: .deviceCreate(try DeviceCreate(arguments))
        case .deviceList: .deviceList(DeviceList(arguments))
        case .deviceRemove: .deviceRemove(DeviceRemove(arguments))
        case .inject: .inject(Inject(arguments))
        case .regionCreate: .regionCreate(try RegionCreate(arguments))
        case .regionRemove: .regionRemove(RegionRemove(arguments))
        case .evict: .evict(try Evict(arguments))
        case .mirror: .mirror(try MirrorCreate(arguments))
        case .mirrorDrop: .mirrorDrop(MirrorDrop(arguments))
        case .fault where arguments.has(Fault.pages): .faultPages(try FaultPages(arguments))
        case .fault: .fault(try Fault(arguments))
        case .snapshot: .snapshot(try Snapshot(arguments))
        case .deviceRead: .deviceRead(try DeviceRead(arguments))
        case .deviceWrite: .deviceWrite(try DeviceWrite(arguments))
        case .migrate: .migrate(try Migrate(arguments))
        case .deviceMigrate: .deviceMigrate(try DeviceMigrate(arguments))
        case .exclusive: .exclusive(try Exclusive(arguments))
        case .exclusiveHeld: .exclusiveHeld(try ExclusiveHeld(arguments))
        case .migrateBegin: .migrateBegin(try MigrateBegin(arguments))
        case .migrateCopy: .migrateCopy(try MigrateCopy(arguments))
        case .migrateFinish: .migrateFinish(MigrateFinish(arguments))
        case .migrateAbort: .migrateAbort(MigrateAbort(arguments))
        case .toRAM: .toRAM(try ToRAM(arguments))
        case .mirrorRegister: .mirrorRegister(try MirrorRegister(arguments))
        case .mirrorUnregister: .mirrorUnregister(MirrorUnregister(arguments))
        case .getPfns: .getPfns(try GetPfns(arguments))
        case .vmaFault: .vmaFault(try VmaFault(arguments))
        case .rangeDone: .rangeDone(RangeDone(arguments))
        case .devmemAdd: .devmemAdd(DevmemAdd(arguments))
        case .devmemAddResource: .devmemAddResource(try DevmemAddResource(arguments))
        case .umbrellaNew: .umbrellaNew(UmbrellaNew(arguments))
        case .umbrellaPut: .umbrellaPut(UmbrellaPut(arguments))
        case .migrateVma: .migrateVma(try MigrateVma(arguments))
        }
    }
}
