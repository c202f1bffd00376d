/// What every verb's type offers.
public protocol Verb: Equatable, Sendable {
    static var spec: VerbSpec { get }
}

/// One decoded request: a case a verb. Those with names are boxed, so that the common ones stay small.
public enum Request: Equatable, Sendable {
    case ack(Ack)
    indirect case hello(Hello)
    case ping(Ping)
    indirect case help(Help)
    case limits(ShowLimits)
    case pending(Pending)
    case quit(Quit)
    case spaceCreate(SpaceCreate)
    case spaceDrop(SpaceDrop)
    case mmap(Mmap)
    case munmap(Munmap)
    case mprotect(Mprotect)
    case maps(Maps)
    case read(Read)
    case write(Write)
    indirect case deviceCreate(DeviceCreate)
    case deviceList(DeviceList)
    indirect case regionCreate(RegionCreate)
    indirect case mirror(MirrorCreate)
    case mirrorDrop(MirrorDrop)
    case fault(Fault)
    case snapshot(Snapshot)
    case deviceRead(DeviceRead)
    case deviceWrite(DeviceWrite)
    indirect case migrate(Migrate)

    /// Puts in place the octets of a literal, which follow their line.
    mutating func receive(literal: [UInt8]) {
        switch self {
        case .write(var write):
            write.data = literal
            self = .write(write)
        case .deviceWrite(var write):
            write.data = literal
            self = .deviceWrite(write)
        default: break
        }
    }
}

/// The verbs without their arguments, in the order of the manual.
public enum VerbName: UInt8, CaseIterable, Sendable {
    case hello, ping, help, limits, pending, ack, quit
    case spaceCreate, spaceDrop, mmap, munmap, mprotect, maps, read, write
    case deviceCreate, deviceList, regionCreate
    case mirror, mirrorDrop, fault, snapshot, deviceRead, deviceWrite, migrate

    public var type: any Verb.Type {
        switch self {
        case .ack: Ack.self
        case .hello: Hello.self
        case .ping: Ping.self
        case .help: Help.self
        case .limits: ShowLimits.self
        case .pending: Pending.self
        case .quit: Quit.self
        case .spaceCreate: SpaceCreate.self
        case .spaceDrop: SpaceDrop.self
        case .mmap: Mmap.self
        case .munmap: Munmap.self
        case .mprotect: Mprotect.self
        case .maps: Maps.self
        case .read: Read.self
        case .write: Write.self
        case .deviceCreate: DeviceCreate.self
        case .deviceList: DeviceList.self
        case .regionCreate: RegionCreate.self
        case .mirror: MirrorCreate.self
        case .mirrorDrop: MirrorDrop.self
        case .fault: Fault.self
        case .snapshot: Snapshot.self
        case .deviceRead: DeviceRead.self
        case .deviceWrite: DeviceWrite.self
        case .migrate: Migrate.self
        }
    }

    public var spec: VerbSpec { type.spec }

    /// The request that `arguments` make of this verb.
    @inline(__always)
    func decode(_ arguments: borrowing Arguments) throws(Failure) -> Request {
        switch self {
        case .ack: .ack(Ack(arguments))
        case .hello: .hello(try Hello(arguments))
        case .ping: .ping(Ping(arguments))
        case .help: .help(Help(arguments))
        case .limits: .limits(ShowLimits(arguments))
        case .pending: .pending(Pending(arguments))
        case .quit: .quit(Quit(arguments))
        case .spaceCreate: .spaceCreate(SpaceCreate(arguments))
        case .spaceDrop: .spaceDrop(SpaceDrop(arguments))
        case .mmap: .mmap(try Mmap(arguments))
        case .munmap: .munmap(try Munmap(arguments))
        case .mprotect: .mprotect(try Mprotect(arguments))
        case .maps: .maps(Maps(arguments))
        case .read: .read(try Read(arguments))
        case .write: .write(Write(arguments))
        case .deviceCreate: .deviceCreate(try DeviceCreate(arguments))
        case .deviceList: .deviceList(DeviceList(arguments))
        case .regionCreate: .regionCreate(RegionCreate(arguments))
        case .mirror: .mirror(try MirrorCreate(arguments))
        case .mirrorDrop: .mirrorDrop(MirrorDrop(arguments))
        case .fault: .fault(try Fault(arguments))
        case .snapshot: .snapshot(try Snapshot(arguments))
        case .deviceRead: .deviceRead(try DeviceRead(arguments))
        case .deviceWrite: .deviceWrite(DeviceWrite(arguments))
        case .migrate: .migrate(try Migrate(arguments))
        }
    }
}
