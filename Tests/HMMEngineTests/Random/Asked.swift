import HMMProtocol

/// A request that waits for its answer: what the judge has to know of it.
enum Asked {
    case createSpace(policy: String)
    case dropSpace(UInt32)
    case map(UInt32, Range<UInt64>?, count: UInt64, SpaceModel.Rights)
    case unmap(UInt32, Range<UInt64>)
    case protect(UInt32, Range<UInt64>, SpaceModel.Rights)
    case areas(UInt32)
    case load(UInt32, va: UInt64, length: UInt64)
    case store(UInt32, va: UInt64, length: UInt64, [UInt8])
    case migrate(UInt32, Range<UInt64>, mover: String)
    case mirror(UInt32, device: String, isAutomatic: Bool)
    case dropMirror(UInt32)
    case fault(UInt32, Range<UInt64>, write: Bool, noWait: Bool)
    case snapshot(UInt32, Range<UInt64>)
    case deviceLoad(UInt32, va: UInt64, length: UInt64)
    case deviceStore(UInt32, va: UInt64, length: UInt64, [UInt8])
    /// An `ack` of a number that no event has.
    case badAck
    case ping

    var space: UInt32? {
        switch self {
        case .dropSpace(let space), .map(let space, _, _, _), .unmap(let space, _), .protect(let space, _, _),
            .areas(let space), .load(let space, _, _), .store(let space, _, _, _), .migrate(let space, _, _),
            .mirror(let space, _, _):
            space
        default: nil
        }
    }

    var mirror: UInt32? {
        switch self {
        case .dropMirror(let mirror), .fault(let mirror, _, _, _), .snapshot(let mirror, _),
            .deviceLoad(let mirror, _, _), .deviceStore(let mirror, _, _, _):
            mirror
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

    var isStoring: Bool {
        (tagged.values + untagged).contains { if case .deviceStore = $0 { true } else { false } }
    }

    /// The driver knows not when its own migration begins: until the answer it uses nothing there.
    func isMigrating(_ page: UInt64, _ mirror: MirrorModel) -> Bool {
        (tagged.values + untagged).contains { asked in
            guard case .migrate(mirror.space, let pages, let mover) = asked else { return false }
            return mover == mirror.device && pages.contains(page)
        }
    }
}
