internal import HMMMemory
internal import HMMProtocol

/// `read`, `write`, `dev.read` and `dev.write`.
extension Engine {
    func operation(_ read: Read, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(read.space)
        try checkLength(read.extent.length, read.form)
        let pages = PageRange(touching: read.extent.va, length: read.extent.length)
        return Operation(
            caller: caller, verb: .read, space: space, work: .load(CPUAccess(space, pages, write: false), read))
    }

    func operation(_ write: Write, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(write.space)
        let pages = try storePages(write.va, write.data, write.length)
        return Operation(
            caller: caller, verb: .write, space: space, work: .store(CPUAccess(space, pages, write: true), write))
    }

    func operation(_ read: DeviceRead, _ caller: Caller) throws(Failure) -> Operation {
        try checkLength(read.extent.length, read.form)
        let pages = PageRange(touching: read.extent.va, length: read.extent.length)
        let mirror = try usableMirror(read.mirror, caller.connection, pages)
        return Operation(
            caller: caller, verb: .deviceRead, space: mirror.space,
            work: .deviceLoad(DeviceAccess(mirror.id, pages, write: false), read))
    }

    func operation(_ write: DeviceWrite, _ caller: Caller) throws(Failure) -> Operation {
        let pages = try storePages(write.va, write.data, write.length)
        let mirror = try usableMirror(write.mirror, caller.connection, pages)
        return Operation(
            caller: caller, verb: .deviceWrite, space: mirror.space,
            work: .deviceStore(DeviceAccess(mirror.id, pages, write: true), write))
    }

    private func checkLength(_ length: UInt64, _ form: DataForm) throws(Failure) {
        let isPrinted = form == .quoted || form == .hex
        let limit = isPrinted ? limits.printable : limits.literal
        guard length <= UInt64(limit) else {
            throw Failure(
                .badArgument,
                "one answer holds at most \(limit) bytes\(isPrinted ? " in that form; try as=literal" : "")")
        }
    }

    private func storePages(_ va: UInt64, _ data: [UInt8], _ length: UInt64?) throws(Failure) -> PageRange {
        guard !data.isEmpty else { throw Failure(.badArgument, "`data` is empty") }
        let extent = try Extent(checking: va, length ?? UInt64(data.count))
        return PageRange(touching: extent.va, length: extent.length)
    }

    // MARK: Answers

    func answer(_ read: Read, _ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        writeRow(read.form, Int(read.extent.length), caller.tag, &effects) { buffer in
            machine.load(SpaceID(rawValue: read.space), read.extent.va, into: buffer)
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", read.extent.length)
        effects.text.endLine()
    }

    func answer(_ read: DeviceRead, _ access: DeviceAccess, _ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        writeRow(read.form, Int(read.extent.length), caller.tag, &effects) { buffer in
            machine.deviceLoad(access.mirror, read.extent.va, into: buffer)
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", read.extent.length)
        effects.text.pair(" faults=", access.faults)
        effects.text.endLine()
    }

    /// A row with `count` bytes that `load` fetches: straight into the output where they go as a literal.
    private func writeRow(
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

    mutating func answer(_ write: Write, _ caller: Caller, _ effects: inout Effects) {
        store(write)
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", write.length ?? UInt64(write.data.count))
        effects.text.endLine()
    }

    mutating func store(_ write: Write) {
        let length = write.length ?? UInt64(write.data.count)
        write.data.withUnsafeBytes { machine.store(SpaceID(rawValue: write.space), write.va, length, from: $0) }
    }

    mutating func answer(_ write: DeviceWrite, _ access: DeviceAccess, _ caller: Caller, _ effects: inout Effects) {
        deviceStore(write)
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", write.length ?? UInt64(write.data.count))
        effects.text.pair(" faults=", access.faults)
        effects.text.endLine()
    }

    mutating func deviceStore(_ write: DeviceWrite) {
        let length = write.length ?? UInt64(write.data.count)
        write.data.withUnsafeBytes { machine.deviceStore(MirrorID(rawValue: write.mirror), write.va, length, from: $0) }
    }
}
