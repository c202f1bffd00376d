internal import HMMMemory
public import HMMProtocol

/// `hello`, `help`, `limits` and `pending`.
extension Engine {
    mutating func greet(_ hello: Hello, _ caller: Caller, _ effects: inout Effects) {
        guard let index = sessions.index(of: caller.connection) else { return }
        sessions[index].client = hello.client
        if hello.capabilities.contains(.quota), !sessions[index].capabilities.contains(.quota) {
            sessions[index].isNewListener = true
            hasNewListeners = true
        }
        sessions[index].capabilities.formUnion(hello.capabilities)
        if let licence = hello.licence { sessions[index].licence = licence }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" version=", 1)
        effects.text.pair(" tenant=", sessions[index].principal.tenant)
        effects.text.pair(" session=c", UInt64(caller.connection.rawValue))
        effects.text.append(" role=")
        effects.text.append(text: sessions[index].principal.role.rawValue)
        effects.text.endLine()
    }

    func explain(_ help: Help, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let rows: UInt64
        if help.verb.isEmpty {
            effects.answer(caller)
            let offered = VerbName.allCases.filter { isOffered($0, to: caller) }
            for verb in offered { writeRow(verb.spec, caller, &effects) }
            rows = UInt64(offered.count)
        } else {
            rows = try explain(help.verb, caller, &effects)
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", rows)
        effects.text.endLine()
    }

    private func writeRow(_ spec: VerbSpec, _ caller: Caller, _ effects: inout Effects) {
        effects.text.beginRow(caller.tag)
        effects.text.append(" verb=")
        effects.text.append(text: spec.name)
        effects.text.pair(" args=", quoted: spec.usage)
        effects.text.pair(" doc=", quoted: spec.summary)
        if spec.export == .gpl { effects.text.append(" export=gpl") }
        if let gate = spec.gate { effects.text.pair(" gate=", quoted: gate.rawValue) }
        if spec.roles != .all {
            effects.text.append(" roles=")
            effects.text.append(text: spec.roles.list)
        }
        effects.text.endLine()
    }

    private func explain(_ name: ShortName, _ caller: Caller, _ effects: inout Effects) throws(Failure) -> UInt64 {
        guard
            let verb = VerbName.allCases.first(where: { ShortName($0.spec.name) == name && isOffered($0, to: caller) })
        else {
            throw Failure(.unknownVerb, "there is no verb `\(name)`")
        }
        let spec = verb.spec
        effects.answer(caller)
        writeRow(spec, caller, &effects)
        for argument in spec.arguments {
            effects.text.beginRow(caller.tag)
            effects.text.append(" arg=")
            effects.text.append(text: argument.name)
            effects.text.pair(" form=", quoted: argument.kind.form)
            effects.text.pair(" doc=", quoted: argument.meaning)
            effects.text.endLine()
        }
        return UInt64(1 + spec.arguments.count)
    }

    func showLimits(_ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        let rows = limits.rows
        for row in rows {
            effects.text.beginRow(caller.tag)
            effects.text.pair(" name=", word: row.name)
            effects.text.pair(" limit=", row.value)
            effects.text.pair(" unit=", word: row.unit)
            if let used = used(row.name.description) { effects.text.pair(" used=", used) }
            effects.text.pair(" reason=", quoted: row.reason.description)
            effects.text.endLine()
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", UInt64(rows.count))
        effects.text.endLine()
    }

    func used(_ name: String) -> UInt64? {
        switch name {
        case "spaces": UInt64(machine.spaces.count)
        case "files": UInt64(fileNames.count)
        case "pins": UInt64(machine.pins.count)
        case "pinned-pages": machine.pinnedPages
        case "open-migrations": UInt64(openMigrations.count)
        case "hugetlb-pages": machine.hugePagesReserved
        case "devices": UInt64(machine.devices.count)
        case "regions": UInt64(machine.regions.count)
        case "mirrors": UInt64(subscriptions.count)
        case "connections": UInt64(sessions.count)
        case "resident-bytes": machine.physical.used * UInt64(PageSize.bytes)
        case "region-bytes": regionBytes
        case "open-ranges": UInt64(openRanges.count)
        case "umbrellas": UInt64(umbrellas.count)
        case "pending": UInt64(operations.count)
        case "waiting-bytes": UInt64(waitingBytes)
        case "tenant-areas": UInt64(areaCount)
        default: nil
        }
    }

    mutating func showPending(_ caller: Caller, _ now: Instant, _ effects: inout Effects) {
        effects.answer(caller)
        let start = effects.text.count
        writePending(caller.tag, now, &effects.text) { _ in }
        machine.spend(answerOf: effects.text.count - start)
        // Where there is room is looked up for those that wait for it.
        if areasPromised.here > 0 { machine.spend(UInt64(areaCount) / 4) }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", UInt64(operations.count))
        effects.text.endLine()
    }

    /// A row for each paused request, the oldest first, as many as one answer may have; `begin` may put more keys in
    /// front.
    public func writePending(
        _ tag: Tag, _ now: Instant, _ text: inout WireBuffer, _ begin: (inout WireBuffer) -> Void
    ) {
        let start = text.count
        var gaps: [SpaceID: [PageRange]] = [:]
        for index in 0..<operations.count where text.count - start <= limits.answerBytes {
            text.beginRow(tag)
            begin(&text)
            writePending(index, now, &gaps[operations[index].space], &text)
        }
    }

    private func writePending(
        _ index: Int, _ now: Instant, _ gaps: inout [PageRange]?, _ text: inout WireBuffer
    ) {
        let operation = operations[index]
        text.pair(" op=", UInt64(operations.id(at: index).rawValue))
        text.append(" verb=")
        text.append(text: operation.verb.spec.name)
        text.pair(" session=c", UInt64(operation.caller.connection.rawValue))
        if let session = sessions.index(of: operation.caller.connection), !sessions[session].client.isEmpty {
            text.pair(" client=", sessions[session].client)
        }
        if !operation.caller.tag.isEmpty { text.pair(" tag=", operation.caller.tag) }
        text.pair(" mm=", UInt64(operation.space.rawValue))
        switch operation.state {
        case .running: break
        case .consulting(let asked, _):
            append(asked.invalidation.range, &text)
            text.pair(" asks=c", UInt64(asked.connection.rawValue))
            text.pair(" left=", now.milliseconds(until: asked.deadline))
        case .open: if let held = operation.held?.last { append(held.range, &text) }
        case .inRound(let round, let held):
            if let wanted = wanted(index, &gaps) ?? held.first?.range { append(wanted, &text) }
            append(round, now, &text)
        case .parked(let holder):
            if let wanted = wanted(index, &gaps) { append(wanted, &text) }
            text.pair(" behind=", UInt64(holder.rawValue))
        }
        text.endLine()
    }

    private func append(_ range: PageRange, _ text: inout WireBuffer) {
        text.pair(" va=", hex: range.start.address)
        text.pair(" len=", range.length)
    }

    private func append(_ round: Round, _ now: Instant, _ text: inout WireBuffer) {
        text.append(" waits-for=")
        for (position, entry) in round.waiting.entries.prefix(16).enumerated() {
            if position > 0 { text.append(",") }
            text.append(decimal: UInt64(entry.mirror.rawValue))
            text.append(":")
            text.append(decimal: entry.event)
        }
        text.pair(" missing=", UInt64(round.waiting.count))
        let ends = round.waiting.entries.compactMap(\.deadline)
        if let next = ends.min() { text.pair(" left=", now.milliseconds(until: next)) }
    }
}
