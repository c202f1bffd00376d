internal import HMMMemory
internal import HMMProtocol

/// `migrate` and `dev.migrate`.
extension Engine {
    func operation(_ migrate: Migrate, _ caller: Caller) throws(Failure) -> Operation {
        try operation(.migrate, migrate.space, migrate.extent, to: migrate.destination, from: migrate.source, caller)
    }

    func operation(_ migrate: MigrateVma, _ caller: Caller) throws(Failure) -> Operation {
        try operation(.migrateVma, migrate.space, migrate.extent, to: migrate.destination, from: .none, caller)
    }

    private func operation(
        _ verb: VerbName, _ raw: UInt32, _ extent: Extent, to destination: ShortName, from name: ShortName,
        _ caller: Caller
    ) throws(Failure) -> Operation {
        let space = try space(raw)
        let source = name.isEmpty ? nil : try device(name)
        let movement: Movement
        if destination.isEmpty {
            movement = Movement(
                to: .system, sources: .device, from: source, exempt: ownMirrors(caller, space, source))
        } else {
            let device = try device(destination)
            movement = Movement(
                to: .device(device), sources: source == nil ? .system : .device, from: source,
                exempt: ownMirrors(caller, space, device))
        }
        let range = PageRange(touching: extent.va, length: extent.length)
        return Operation(
            caller: caller, verb: verb, space: space, work: .migrate(Boxed(Migration(space, range, movement)), .asked))
    }

    /// The caller's mirrors of the device that moves pages: its driver knows what it does. In 2017 a migration had no
    /// owner, so mirrors of that time hear of it all the same.
    func ownMirrors(_ caller: Caller, _ space: SpaceID, _ device: DeviceID?) -> [MirrorID] {
        guard let device, let session = sessions.index(of: caller.connection) else { return [] }
        return sessions[session].mirrors.filter { id in
            guard let index = machine.mirrors.index(of: id), let subscription = subscriptions.index(of: id),
                !subscriptions[subscription].isLegacy
            else { return false }
            return machine.mirrors[index].space == space && machine.mirrors[index].device == device
        }
    }

    func operation(_ migrate: DeviceMigrate, _ caller: Caller) throws(Failure) -> Operation {
        let range = PageRange(touching: migrate.extent.va, length: migrate.extent.length)
        let mirror = try usableMirror(migrate.mirror, caller.connection, range)
        let profile = machine.profile(of: mirror.device)
        let exempt = exempt(mirror.id, mirror.space, mirror.device, caller)
        let movement =
            migrate.to == .device
            ? Movement(to: .device(mirror.device), sources: .system, from: nil, exempt: exempt)
            : Movement(to: .system, sources: .device, from: mirror.device, exempt: exempt)
        return Operation(
            caller: caller, verb: .deviceMigrate, space: mirror.space,
            work: .migrate(
                Boxed(
                    Migration(
                        mirror.space, range, movement, batch: profile.batch, checksFirst: !profile.writesInPart)),
                .driver(mirror.id)))
    }

    /// The mirrors that are not told of what a mirror's driver does itself.
    func exempt(_ mirror: MirrorID, _ space: SpaceID, _ device: DeviceID, _ caller: Caller) -> [MirrorID] {
        switch machine.profile(of: device).ownMigration {
        case .runningMirror: [mirror]
        case .askingConnection: ownMirrors(caller, space, device)
        }
    }

    mutating func answer(
        _ migration: Migration, _ kind: Operation.Migrating, _ operation: borrowing Operation, _ effects: inout Effects
    ) {
        let caller = operation.caller
        if case .callback = kind {
            effects.answer(caller)
            effects.text.beginSuccess(caller.tag)
            effects.text.pair(" moved=", migration.movedCount)
            return effects.text.endLine()
        }
        var served: UInt64?
        if case .driver(let mirror) = kind, case .device(let device) = migration.movement.destination {
            let count = machine.translated(mirror, migration.range)
            served = count
            if count < migration.range.count, machine.profile(of: device).verifiesMigrations {
                return effects.fail(caller, Failure(.stayed, "the mirror's table serves \(count) of the pages"))
            }
        }
        effects.answer(caller)
        writeRows(migration, caller.tag, &effects)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" moved=", migration.movedCount)
        effects.text.pair(" stayed=", migration.range.count - migration.movedCount)
        if let served { effects.text.pair(" served=", served) }
        appendRound(operation, &effects)
        effects.text.endLine()
    }

    /// The pages have moved whatever the answer's size: the counts are told, too many rows are not.
    private mutating func writeRows(_ migration: Migration, _ tag: Tag, _ effects: inout Effects) {
        var moves = MigrationRows(tag)
        _ = rows(migration.runs, &effects) { engine, run, text in
            moves.add(run, run.frame.map { engine.kindWord($0) } ?? "ram", to: &text)
        } end: {
            moves.end(&$0)
        }
    }
}

extension Region.Kind {
    var word: StaticString {
        switch self {
        case .devicePrivate: "private"
        case .coherent: "coherent"
        }
    }
}

/// Rows that say what became of pages: one for each run with equal outcome.
struct MigrationRows {
    private static let frameRunsPerRow = 64

    private let tag: Tag
    private var start: Page?
    private var count: UInt64 = 0
    private var outcome = Migration.Outcome.moved
    private var frames: [(frame: FrameNumber, count: UInt64)] = []

    private var kind: StaticString = "ram"

    init(_ tag: Tag) { self.tag = tag }

    mutating func add(_ run: Migration.Run, _ kind: StaticString, to text: inout WireBuffer) {
        if start != nil, outcome != run.outcome || frames.count == Self.frameRunsPerRow { end(&text) }
        if start == nil {
            start = run.start
            outcome = run.outcome
            self.kind = kind
        }
        count += run.count
        guard let frame = run.frame else { return }
        if let last = frames.last, last.frame.number + last.count == frame.number {
            frames[frames.count - 1].count += run.count
        } else {
            frames.append((frame, run.count))
        }
    }

    mutating func end(_ text: inout WireBuffer) {
        guard let start else { return }
        text.beginRow(tag)
        text.pair(" va=", hex: start.address)
        text.pair(" pages=", count)
        switch outcome {
        case .moved:
            text.append(" result=moved")
            text.pair(" kind=", word: kind)
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
        case .pinned: "pinned"
        case .exclusive: "exclusive"
        case .fileBacked: "file-backed"
        case .huge: "huge"
        case .migrating: "migrating"
        case .notCopied: "not-copied"
        }
    }
}
