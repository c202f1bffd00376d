internal import HMMMemory
internal import HMMProtocol

/// `read`, `write`, `dev.read` and `dev.write`.
extension Engine {
    func operation(_ read: Read, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(read.space)
        try checkLength(read.extent.length, read.form)
        let pages = PageRange(touching: read.extent.va, length: read.extent.length)
        guard !read.each else {
            return Operation(
                caller: caller, verb: .read, space: space, work: .sweep(Boxed(PageSweep(space, pages, storing: nil))))
        }
        return Operation(
            caller: caller, verb: .read, space: space, work: .load(CPUAccess(space, pages, write: false), read),
            bulk: looking(read.form, .space(space), read.extent.va, read.extent.length))
    }

    func operation(_ write: Write, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(write.space)
        let pages = try storePages(write.va, write.data, write.pattern, write.length)
        if write.each, let pattern = write.pattern {
            guard write.va & 4095 == 0, (write.length ?? 0) & 4095 == 0 else {
                throw Failure(.badArgument, "`each=yes` takes whole pages")
            }
            return Operation(
                caller: caller, verb: .write, space: space,
                work: .sweep(Boxed(PageSweep(space, pages, storing: Fill(pattern)))))
        }
        return Operation(
            caller: caller, verb: .write, space: space, work: .store(CPUAccess(space, pages, write: true), write),
            bulk: storing(.space(space), write.va, write.data, write.pattern, write.length))
    }

    func operation(_ read: DeviceRead, _ caller: Caller) throws(Failure) -> Operation {
        try checkLength(read.extent.length, read.form)
        let pages = PageRange(touching: read.extent.va, length: read.extent.length)
        let mirror = try usableMirror(read.mirror, caller.connection, pages, exited: .EFAULT)
        let batch = machine.profile(of: mirror.device).batch
        return Operation(
            caller: caller, verb: .deviceRead, space: mirror.space,
            work: .deviceLoad(DeviceAccess(mirror.id, pages, write: false, batch: batch), read),
            bulk: looking(read.form, .mirror(mirror.id), read.extent.va, read.extent.length))
    }

    func operation(_ write: DeviceWrite, _ caller: Caller) throws(Failure) -> Operation {
        let pages = try storePages(write.va, write.data, write.pattern, write.length)
        let mirror = try usableMirror(write.mirror, caller.connection, pages, exited: .EFAULT)
        let batch = machine.profile(of: mirror.device).batch
        return Operation(
            caller: caller, verb: .deviceWrite, space: mirror.space,
            work: .deviceStore(DeviceAccess(mirror.id, pages, write: true, batch: batch), write),
            bulk: storing(.mirror(mirror.id), write.va, write.data, write.pattern, write.length))
    }

    func checkLength(_ length: UInt64, _ form: DataForm) throws(Failure) {
        if form == .pages || form == .ints { return try checkLength(length) }
        let isPrinted = form == .quoted || form == .hex
        let limit = isPrinted ? limits.printable : limits.literal
        guard length <= UInt64(limit) else {
            throw Failure(
                .badArgument,
                "one answer holds at most \(limit) bytes\(isPrinted ? " in that form; try as=literal" : "")")
        }
    }

    /// One request covers no more than could be there.
    func checkLength(_ length: UInt64) throws(Failure) {
        guard length <= limits.residentBytes else {
            throw Failure(.limit, "one request covers at most \(limits.residentBytes) bytes")
        }
    }

    private func storePages(
        _ va: UInt64, _ data: [UInt8], _ pattern: Pattern?, _ length: UInt64?
    ) throws(Failure) -> PageRange {
        guard pattern != nil || !data.isEmpty else { throw Failure(.badArgument, "`data` is empty") }
        let extent = try Extent(checking: va, length ?? UInt64(data.count))
        try checkLength(extent.length)
        return PageRange(touching: extent.va, length: extent.length)
    }

    /// What is stored once every page is ready.
    func storing(
        _ view: BulkAccess.View, _ start: UInt64, _ data: [UInt8], _ pattern: Pattern?, _ length: UInt64?
    ) -> BulkAccess {
        BulkAccess(
            view, start, length ?? UInt64(data.count), pattern.map { .fill(Fill($0)) } ?? .store(data))
    }

    // MARK: Answers

    mutating func answer(
        _ read: Read, _ found: BulkAccess?, _ caller: Caller, _ effects: inout Effects
    ) throws(Failure) {
        let space = SpaceID(rawValue: read.space)
        effects.answer(caller)
        if let found {
            try writeRows(found, caller.tag, &effects)
        } else {
            writeRow(read.form, Int(read.extent.length), caller.tag, &effects) { buffer in
                machine.load(space, read.extent.va, into: buffer)
            }
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", read.extent.length)
        effects.text.endLine()
    }

    mutating func answer(_ sweep: PageSweep, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        effects.answer(caller)
        try writeRows(sweep.contents, caller.tag, &effects)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", (sweep.pages.count - sweep.faults) << PageSize.shift)
        effects.text.pair(" faults=", sweep.faults)
        effects.text.endLine()
    }

    mutating func answer(
        _ read: DeviceRead, _ access: DeviceAccess, _ found: BulkAccess?, _ caller: Caller,
        _ effects: inout Effects
    ) throws(Failure) {
        effects.answer(caller)
        if let found {
            try writeRows(found, caller.tag, &effects)
        } else {
            writeRow(read.form, Int(read.extent.length), caller.tag, &effects) { buffer in
                machine.deviceLoad(access.mirror, read.extent.va, into: buffer)
            }
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", read.extent.length)
        effects.text.pair(" faults=", access.faults)
        effects.text.endLine()
    }

    /// A row with `count` bytes that `load` fetches: straight into the output where they go as a literal.
    func writeRow(
        _ form: DataForm, _ count: Int, _ tag: Tag, _ effects: inout Effects,
        _ load: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        effects.text.beginRow(tag)
        effects.text.append(" data=")
        if form == .literal || (form == .automatic && count > 64) {
            effects.text.append("{")
            effects.text.append(decimal: UInt64(count))
            effects.text.append("}\n")
            effects.text.append(length: count, load)
        } else {
            var octets = [UInt8](repeating: 0, count: count)
            octets.withUnsafeMutableBytes(load)
            if form == .hex { effects.text.append(blob: octets) } else { effects.text.append(quoted: octets) }
        }
        effects.text.endLine()
    }

    func answer(_ write: Write, _ caller: Caller, _ effects: inout Effects) {
        answerStored(write.length ?? UInt64(write.data.count), caller, &effects)
    }

    func answer(_ write: DeviceWrite, _ access: DeviceAccess, _ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", write.length ?? UInt64(write.data.count))
        effects.text.pair(" faults=", access.faults)
        effects.text.endLine()
    }

    /// A device write that failed: some drivers have written what came before the page that was missing, as far as the
    /// device can still write there. That is done before anything else happens.
    mutating func storeServed(
        _ write: DeviceWrite, _ access: DeviceAccess, _ now: Instant, _ effects: inout Effects
    ) {
        guard let index = machine.mirrors.index(of: access.mirror),
            machine.profile(of: machine.mirrors[index].device).writesInPart
        else { return }
        let end = access.findMissing(before: access.served.end, &machine) ?? access.served.end
        guard end.address > write.va else { return }
        let length = min(write.length ?? UInt64(write.data.count), end.address - write.va)
        run(
            Operation(
                caller: .nobody, verb: .deviceWrite, space: SpaceID(rawValue: 0), work: .idle,
                bulk: storing(.mirror(access.mirror), write.va, write.data, write.pattern, length)),
            now, &effects)
    }
}
