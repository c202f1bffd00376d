internal import HMMMemory
internal import HMMProtocol

/// `migrate`.
extension Engine {
    func operation(_ migrate: Migrate, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(migrate.space)
        let destination: Migration.Destination
        let mover: DeviceID?
        if migrate.destination.isEmpty {
            mover = migrate.source.isEmpty ? nil : try device(migrate.source)
            destination = .system(from: mover)
        } else {
            let device = try device(migrate.destination)
            mover = device
            destination = .device(device)
        }
        let range = PageRange(touching: migrate.extent.va, length: migrate.extent.length)
        return Operation(
            caller: caller, verb: .migrate, space: space,
            work: .migrate(Migration(space, range, to: destination, exempt: ownMirrors(caller, space, mover))))
    }

    /// The caller's mirrors of the device that moves pages: its driver knows what it does.
    private func ownMirrors(_ caller: Caller, _ space: SpaceID, _ device: DeviceID?) -> [MirrorID] {
        guard let device, let session = sessions.index(of: caller.connection) else { return [] }
        return sessions[session].mirrors.filter { id in
            guard let index = machine.mirrors.index(of: id) else { return false }
            return machine.mirrors[index].space == space && machine.mirrors[index].device == device
        }
    }

    func answer(_ migration: Migration, _ operation: borrowing Operation, _ effects: inout Effects) {
        let caller = operation.caller
        effects.answer(caller)
        let start = effects.text.count
        var rows = MigrationRows(caller.tag, migration.destination)
        for run in migration.runs where effects.text.count - start <= limits.answerBytes {
            rows.add(run, to: &effects.text)
        }
        rows.end(&effects.text)
        if effects.text.count - start > limits.answerBytes {
            // The pages have moved whatever the answer's size: the counts are told, the rows are not.
            effects.text.truncate(to: start)
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" moved=", migration.movedCount)
        effects.text.pair(" stayed=", migration.range.count - migration.movedCount)
        appendRound(operation, &effects)
        effects.text.endLine()
    }
}

/// Rows that say what became of pages: one for each run with equal outcome.
struct MigrationRows {
    private static let frameRunsPerRow = 64

    private let tag: Tag
    private let destination: Migration.Destination
    private var start: Page?
    private var count: UInt64 = 0
    private var outcome = Migration.Outcome.moved
    private var frames: [(frame: FrameNumber, count: UInt64)] = []

    init(_ tag: Tag, _ destination: Migration.Destination) {
        self.tag = tag
        self.destination = destination
    }

    mutating func add(_ run: Migration.Run, to text: inout WireBuffer) {
        if start != nil, outcome != run.outcome || frames.count == Self.frameRunsPerRow { end(&text) }
        if start == nil {
            start = run.start
            outcome = run.outcome
        }
        count += run.count
        if let frame = run.frame { frames.append((frame, run.count)) }
    }

    mutating func end(_ text: inout WireBuffer) {
        guard let start else { return }
        text.beginRow(tag)
        text.pair(" va=", hex: start.address)
        text.pair(" pages=", count)
        switch outcome {
        case .moved:
            text.append(" result=moved kind=")
            if case .device = destination { text.append("private") } else { text.append("ram") }
            writeFrames(&text)
        case .stayed(let reason): text.pair(" result=stayed reason=", word: reason.word)
        }
        text.endLine()
        self.start = nil
        count = 0
        frames.removeAll(keepingCapacity: true)
    }

    private func writeFrames(_ text: inout WireBuffer) {
        text.append(" pfn=")
        for (position, run) in frames.enumerated() {
            if position > 0 { text.append(",") }
            text.append(hex: run.frame.number)
            if run.count > 1 { text.pair("+", run.count) }
        }
    }
}

extension Migration.Reason {
    var word: StaticString {
        switch self {
        case .noSpace: "no-space"
        case .alreadyThere: "already-there"
        case .otherDevice: "other-device"
        case .inSystemMemory: "in-system-memory"
        case .empty: "empty"
        }
    }
}
