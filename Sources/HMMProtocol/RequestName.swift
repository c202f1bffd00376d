extension Request {
    /// Its verb.
    public var name: VerbName {
        switch self {
        case .hello: .hello
        case .auth: .auth
        case .ping: .ping
        case .help: .help
        case .limits: .limits
        case .quota: .quota
        case .pending: .pending
        case .check: .check
        case .config: .config
        case .record: .record
        case .ack: .ack
        case .quit: .quit
        case .spaceCreate: .spaceCreate
        case .spaceFork: .spaceFork
        case .spaceDrop: .spaceDrop
        case .spaceReap: .spaceReap
        case .mmap: .mmap
        case .munmap: .munmap
        case .mremap: .mremap
        case .mprotect: .mprotect
        case .madvise: .madvise
        case .maps: .maps
        case .pagemap: .pagemap
        case .read: .read
        case .write: .write
        case .pin: .pin
        case .unpin: .unpin
        case .fileCreate: .fileCreate
        case .fileTruncate: .fileTruncate
        case .fileRead: .fileRead
        case .fileWrite: .fileWrite
        case .fileRemove: .fileRemove
        case .fileList: .fileList
        case .deviceCreate: .deviceCreate
        case .deviceList: .deviceList
        case .inject: .inject
        case .deviceRemove: .deviceRemove
        case .regionCreate: .regionCreate
        case .regionRemove: .regionRemove
        case .evict: .evict
        case .mirror: .mirror
        case .mirrorDrop: .mirrorDrop
        case .fault: .fault
        case .faultPages: .fault
        case .snapshot: .snapshot
        case .deviceRead: .deviceRead
        case .deviceWrite: .deviceWrite
        case .migrate: .migrate
        case .deviceMigrate: .deviceMigrate
        case .exclusive: .exclusive
        case .exclusiveHeld: .exclusiveHeld
        case .migrateBegin: .migrateBegin
        case .migrateCopy: .migrateCopy
        case .migrateFinish: .migrateFinish
        case .migrateAbort: .migrateAbort
        case .toRAM: .toRAM
        case .mirrorRegister: .mirrorRegister
        case .mirrorUnregister: .mirrorUnregister
        case .getPfns: .getPfns
        case .vmaFault: .vmaFault
        case .rangeDone: .rangeDone
        case .devmemAdd: .devmemAdd
        case .devmemAddResource: .devmemAddResource
        case .umbrellaNew: .umbrellaNew
        case .umbrellaPut: .umbrellaPut
        case .migrateVma: .migrateVma
        }
    }
}

extension VerbName {
    public var gate: Gate? { VerbSpec.restrictions[Int(rawValue)].gate }
    public var export: ExportClass { VerbSpec.restrictions[Int(rawValue)].export }
    public var roles: Roles { VerbSpec.restrictions[Int(rawValue)].roles }
}
