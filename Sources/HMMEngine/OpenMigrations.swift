internal import HMMMemory
internal import HMMProtocol

/// The number of a migration that its driver takes through the steps.
struct MigrationID: Identifier {
    let rawValue: UInt32
    init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// A migration between `migrate.begin` and `migrate.finish`.
struct OpenMigration {
    let connection: ConnectionID
    var staged: StagedMigration
    /// The operation that keeps others off its pages.
    let holder: OperationID
    /// `migrate.finish` is under way.
    var isFinishing = false
}

/// `migrate.begin`, `migrate.copy`, `migrate.finish`, `migrate.abort`.
extension Engine {
    mutating func operation(_ begin: MigrateBegin, _ caller: Caller) throws(Failure) -> Operation {
        let range = PageRange(touching: begin.extent.va, length: begin.extent.length)
        let mirror = try usableMirror(begin.mirror, caller.connection, range)
        guard range.count <= UInt64(limits.migrationPages) else {
            throw Failure(.limit, "one open migration covers at most \(limits.migrationPages) pages")
        }
        spendOnPaused()
        guard begunMigrations < limits.openMigrations else {
            throw over("open migrations", limits.openMigrations)
        }
        let sources = begin.select.map { Movement.Sources(rawValue: $0.rawValue) }
        let exempt = exempt(mirror.id, mirror.space, mirror.device, caller)
        let movement =
            begin.to == .device
            ? Movement(to: .device(mirror.device), sources: sources ?? .system, from: nil, exempt: exempt)
            : Movement(to: .system, sources: sources ?? .device, from: mirror.device, exempt: exempt)
        return Operation(
            caller: caller, verb: .migrateBegin, space: mirror.space,
            work: .stage(Boxed(StagedMigration(mirror.id, mirror.space, range, movement)), nil))
    }

    /// Migrations of the tenant that are open, or whose pages are being collected: both keep a record of every page.
    private var begunMigrations: Int {
        running { if case .stage(_, nil) = $0 { true } else { false } }
    }

    /// The pages of a migration have been collected: they are kept until it ends.
    mutating func open(_ staged: StagedMigration, _ operation: borrowing Operation) -> MigrationID {
        let holds = staged.told + [Hold(space: staged.space, range: staged.range)]
        var holder = Operation(
            caller: operation.caller, verb: .migrateBegin, space: staged.space, work: .stage(Boxed(staged), nil))
        holder.state = .open(held: holds)
        roundsRunning += 1
        let id = enter(holder)
        return openMigrations.append(
            OpenMigration(connection: operation.caller.connection, staged: staged, holder: id))
    }

    /// The migration numbered `raw`, of this connection and at rest.
    private func openMigration(_ raw: UInt32, _ caller: Caller) throws(Failure) -> Int {
        guard let index = openMigrations.index(of: MigrationID(rawValue: raw)),
            openMigrations[index].connection == caller.connection
        else { throw Failure(.noMigration, "no migration \(raw) is open on this connection") }
        guard !openMigrations[index].isFinishing else {
            throw Failure(.state, "migration \(raw) is being finished already")
        }
        return index
    }

    func operation(_ copy: MigrateCopy, _ caller: Caller) throws(Failure) -> Operation {
        let index = try openMigration(copy.migration, caller)
        let all = openMigrations[index].staged.range
        var part = all
        if let va = copy.va, let length = copy.length {
            part = PageRange(touching: va, length: length)
            guard all.contains(part) else {
                throw Failure(.badArgument, "the range leaves that of the migration", address: va)
            }
        }
        guard !openMigrations[index].staged.isCopied(part) else {
            throw Failure(.state, "nothing is left to copy there")
        }
        var staged = openMigrations[index].staged
        staged.beginCopying(part)
        return Operation(
            caller: caller, verb: .migrateCopy, space: staged.space,
            work: .copy(Boxed(staged), openMigrations.id(at: index)))
    }

    /// What has been copied belongs to the open migration.
    mutating func keep(_ staged: StagedMigration, _ id: MigrationID) {
        if let index = openMigrations.index(of: id) { openMigrations[index].staged = staged }
    }

    func answerCopy(_ staged: StagedMigration, _ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        let copied = writeCopies(staged.copies, caller.tag, &effects)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" copied=", copied)
        effects.text.endLine()
    }

    private func writeCopies(_ runs: [Migration.Run], _ tag: Tag, _ effects: inout Effects) -> UInt64 {
        var copied: UInt64 = 0
        for run in runs {
            effects.text.beginRow(tag)
            effects.text.pair(" va=", hex: run.start.address)
            effects.text.pair(" pages=", run.count)
            effects.text.pair(" result=", word: run.frame == nil ? "no-space" : "copied")
            if let frame = run.frame {
                copied += run.count
                effects.text.pair(" pfn=", hex: frame.number)
                if run.count > 1 { effects.text.pair("+", run.count) }
            }
            effects.text.endLine()
        }
        return copied
    }

    mutating func operation(_ finish: MigrateFinish, _ caller: Caller) throws(Failure) -> Operation {
        let index = try openMigration(finish.migration, caller)
        guard openMigrations[index].staged.beginFinishing() else {
            throw Failure(.state, "migration \(finish.migration) cannot be finished now")
        }
        openMigrations[index].isFinishing = true
        let staged = openMigrations[index].staged
        return Operation(
            caller: caller, verb: .migrateFinish, space: staged.space,
            work: .stage(Boxed(staged), openMigrations.id(at: index)))
    }

    mutating func operation(_ abort: MigrateAbort, _ caller: Caller) throws(Failure) -> Operation {
        rollBack(try openMigration(abort.migration, caller), for: caller)
    }

    private mutating func rollBack(_ index: Int, for caller: Caller) -> Operation {
        openMigrations[index].isFinishing = true
        return rollingBack(openMigrations[index].staged, openMigrations.id(at: index), for: caller)
    }

    private func rollingBack(_ staged: StagedMigration, _ id: MigrationID?, for caller: Caller) -> Operation {
        Operation(caller: caller, verb: .migrateAbort, space: staged.space, work: .rollBack(Boxed(staged), id))
    }

    /// A migration, which need not be open yet, cannot go on: every page is as it was before anything else comes.
    mutating func giveUp(_ staged: StagedMigration, _ id: MigrationID?, _ now: Instant, _ effects: inout Effects) {
        run(rollingBack(staged, id, for: .nobody), now, &effects)
    }

    func answerAbort(_ staged: StagedMigration, _ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" pages=", staged.candidates)
        effects.text.endLine()
    }

    /// Ends migrations whose driver has gone: every page is as it was before anything else comes.
    mutating func rollBackMigrations(
        _ now: Instant, _ effects: inout Effects, where isGone: (OpenMigration) -> Bool
    ) {
        let ids = (0..<openMigrations.count).filter { !openMigrations[$0].isFinishing && isGone(openMigrations[$0]) }
            .map { openMigrations.id(at: $0) }
        for id in ids {
            guard let index = openMigrations.index(of: id) else { continue }
            run(rollBack(index, for: .nobody), now, &effects)
        }
    }

    /// A migration has ended: who waited for its pages goes on.
    mutating func close(_ id: MigrationID) {
        guard let open = openMigrations.remove(id) else { return }
        _ = leave(open.holder)
        endHold()
        wake(behind: open.holder)
    }

    // MARK: Answers

    mutating func answerBegin(
        _ staged: StagedMigration, _ id: MigrationID, _ operation: borrowing Operation, _ effects: inout Effects
    ) {
        let caller = operation.caller
        effects.answer(caller)
        let runs = sequence(state: 0) { (next: inout Int) in
            let run = Self.alike(staged, from: next)
            next = run?.upperBound ?? next
            return run
        }
        _ = rows(runs, &effects) { engine, run, text in engine.write(run, of: staged, caller.tag, &text) }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" migration=", UInt64(id.rawValue))
        effects.text.pair(" candidates=", staged.candidates)
        effects.text.pair(" pages=", staged.range.count)
        appendRound(operation, &effects)
        effects.text.endLine()
    }

    /// Pages that are alike, from `first` on.
    private static func alike(_ staged: StagedMigration, from first: Int) -> Range<Int>? {
        guard first < staged.pages.count else { return nil }
        let source = staged.pages[first].source
        var next = first + 1
        while next < staged.pages.count, continues(source, staged.pages[next].source, next - first) { next += 1 }
        return first..<next
    }

    private func write(_ alike: Range<Int>, of staged: StagedMigration, _ tag: Tag, _ text: inout WireBuffer) {
        text.beginRow(tag)
        text.pair(" va=", hex: (staged.range.start + UInt64(alike.lowerBound)).address)
        text.pair(" pages=", UInt64(alike.count))
        switch staged.pages[alike.lowerBound].source {
        case .hole: text.append(" src=hole")
        case .none(let reason): text.pair(" src=none reason=", word: reason.word)
        case .frame(let frame, let writable):
            text.pair(" src=", word: kindWord(frame))
            text.pair(" perm=", word: writable ? "rw" : "r")
            text.pair(" pfn=", hex: frame.number)
            if alike.count > 1 { text.pair("+", UInt64(alike.count)) }
        }
        text.endLine()
    }

    private static func continues(
        _ first: StagedMigration.Staged.Source, _ next: StagedMigration.Staged.Source, _ offset: Int
    ) -> Bool {
        guard case .frame(let frame, let writable) = first else { return first == next }
        return next == .frame(FrameNumber(number: frame.number + UInt64(offset)), writable: writable)
    }

    mutating func answerFinish(_ staged: StagedMigration, _ operation: borrowing Operation, _ effects: inout Effects) {
        let caller = operation.caller
        effects.answer(caller)
        var moves = MigrationRows(caller.tag)
        _ = rows(staged.pages.enumerated(), &effects) { engine, place, text in
            guard let outcome = place.element.outcome else { return }
            let target = outcome == .moved ? place.element.target : nil
            let run = Migration.Run(
                start: staged.range.start + UInt64(place.offset), count: 1, outcome: outcome, frame: target)
            moves.add(run, target.map { engine.kindWord($0) } ?? "ram", to: &text)
        } end: {
            moves.end(&$0)
        }
        let moved = UInt64(staged.pages.count { $0.outcome == .moved })
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" moved=", moved)
        effects.text.pair(" stayed=", staged.range.count - moved)
        appendRound(operation, &effects)
        effects.text.endLine()
    }

    func kindWord(_ frame: FrameNumber) -> StaticString {
        guard let region = machine.region(of: frame), let index = machine.regions.index(of: region) else {
            return "ram"
        }
        return machine.regions[index].kind.word
    }
}
