import HMMProtocol

@testable import HMMSimulator

/// A request that waits for its answer: what the judge has to know of it.
enum Asked {
    case createSpace(policy: String)
    case fork(UInt32)
    case dropSpace(UInt32)
    case map(UInt32, Range<UInt64>?, count: UInt64, MemoryModel.Plan)
    case unmap(UInt32, Range<UInt64>)
    case protect(UInt32, Range<UInt64>, SpaceModel.Rights)
    case remap(UInt32, MemoryModel.Move)
    case advise(UInt32, Range<UInt64>, String)
    case areas(UInt32)
    case load(UInt32, va: UInt64, length: UInt64)
    /// Page by page; `isAtOnce` unless it had to wait.
    case sweep(UInt32, Range<UInt64>, isAtOnce: Bool)
    case store(UInt32, va: UInt64, [UInt8])
    case migrate(UInt32, Range<UInt64>, mover: String, from: String = "")
    case pin(UInt32, Range<UInt64>, write: Bool, isLongTerm: Bool)
    case unpin(UInt32, pages: UInt64)
    case createFile(String, length: UInt64, [UInt8])
    case truncate(String, length: UInt64)
    case readFile(String, offset: UInt64, length: UInt64)
    case writeFile(String, offset: UInt64, [UInt8])
    case removeFile(String)
    case createDevice(String, isTestDriver: Bool)
    case removeDevice(String)
    case createRegion(String)
    case removeRegion(UInt32)
    case evict
    case mirror(UInt32, device: String, isAutomatic: Bool)
    case dropMirror(UInt32, device: String)
    case fault(UInt32, Range<UInt64>, [Need], noWait: Bool)
    case snapshot(UInt32, Range<UInt64>)
    case deviceLoad(UInt32, va: UInt64, length: UInt64)
    case deviceStore(UInt32, va: UInt64, [UInt8])
    case deviceMigrate(UInt32, Range<UInt64>, toDevice: Bool)
    case exclusive(UInt32, Range<UInt64>)
    case held(UInt32, Range<UInt64>)
    case checkState
    /// An `ack` of a number that no event has.
    case badAck
    case ping

    /// What a device asks of a page.
    enum Need: Int, Comparable {
        case nothing, read, write
        static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    }

    var space: UInt32? {
        switch self {
        case .fork(let space), .dropSpace(let space), .map(let space, _, _, _), .unmap(let space, _),
            .protect(let space, _, _), .remap(let space, _), .advise(let space, _, _), .areas(let space),
            .load(let space, _, _), .sweep(let space, _, _), .store(let space, _, _), .migrate(let space, _, _, _),
            .pin(let space, _, _, _), .mirror(let space, _, _):
            space
        default: nil
        }
    }

    var mirror: UInt32? {
        switch self {
        case .fault(let mirror, _, _, _), .snapshot(let mirror, _), .deviceLoad(let mirror, _, _),
            .deviceStore(let mirror, _, _), .deviceMigrate(let mirror, _, _), .exclusive(let mirror, _),
            .held(let mirror, _):
            mirror
        default: nil
        }
    }

    /// Devices it names.
    var devices: [String] {
        switch self {
        case .removeDevice(let device), .createRegion(let device), .mirror(_, let device, _): [device]
        case .migrate(_, _, let mover, let source): [mover, source].filter { !$0.isEmpty }
        case .map(_, _, _, let plan): plan.device.map { [$0] } ?? []
        default: []
        }
    }

    /// Announcements go to address spaces that the request does not name.
    var isEverywhere: Bool {
        switch self {
        case .truncate, .removeDevice, .removeRegion, .evict, .dropMirror: true
        default: false
        }
    }

    /// Pages that it may give memory of their own, because it wants to write them or must have them alone.
    var written: Range<UInt64>? {
        switch self {
        case .store(_, let va, let data), .deviceStore(_, let va, let data):
            RandomWorld.pages(va, UInt64(data.count))
        case .fault(_, let pages, let needs, _): needs.contains(.write) ? pages : nil
        case .pin(_, let pages, let write, let isLongTerm): write || isLongTerm ? pages : nil
        case .exclusive(_, let pages): pages
        case .advise(_, let pages, "populate-write"): pages
        default: nil
        }
    }
}

/// A client's side of a mirror: what it believes, from what it was told and nothing else.
struct MirrorModel {
    struct Translation {
        /// Nil for the zero page.
        let frame: UInt64?
        let isWritable: Bool
    }

    let space: UInt32
    let device: String
    let isAutomatic: Bool
    /// The driver keeps a table: the kernel's test driver changes its own without a word, so that its client cannot.
    let keepsTable: Bool
    var isFenced = false
    var table: [UInt64: Translation] = [:]

    mutating func forget(_ pages: Range<UInt64>) {
        for page in pages { table[page] = nil }
    }
}

/// A client: its requests without answers, its mirrors, and the events it has not acknowledged.
struct ClientModel {
    let isDriver: Bool
    var tagged: [String: Asked] = [:]
    var untagged: [Asked] = []
    var mirrors: [UInt32: MirrorModel] = [:]
    var openEvents: [(number: UInt64, mirror: UInt32)] = []
    var nextEvent: UInt64 = 1
    var nextTag = 1
    /// The answer whose rows are coming: nothing may come between.
    var rows: (tag: String, pairs: [[ServerLine.Pair]])?

    var waiting: [Asked] { Array(tagged.values) + untagged }

    var isStoring: Bool { waiting.contains { if case .deviceStore = $0 { true } else { false } } }

    /// The driver knows not when its own migration begins: until the answer it uses nothing there.
    func isMigrating(_ page: UInt64, _ mirror: MirrorModel) -> Bool {
        waiting.contains { asked in
            guard let (space, device, pages) = movement(asked) else { return false }
            return space == mirror.space && device == mirror.device && pages.contains(page)
        }
    }

    /// The pages that a request takes away without telling the driver who asks.
    func movement(_ asked: Asked) -> (space: UInt32, device: String, pages: Range<UInt64>)? {
        switch asked {
        case .migrate(let space, let pages, let mover, _): return (space, mover, pages)
        case .deviceMigrate(let id, let pages, _), .exclusive(let id, let pages):
            return mirrors[id].map { ($0.space, $0.device, pages) }
        default: return nil
        }
    }
}
