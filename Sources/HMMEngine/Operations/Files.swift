internal import HMMMemory
internal import HMMProtocol

/// Files: `file.create`, `file.truncate`, `file.read`, `file.write`, `file.remove`, `file.list`.
extension Engine {
    /// The file called `name`.
    func file(_ name: ShortName) throws(Failure) -> FileID {
        guard let entry = fileNames.first(where: { $0.name == name }) else {
            throw Failure(.noFile, "there is no file `\(name)`; `file.list` shows them")
        }
        return entry.id
    }

    /// Makes a file at once, or returns the operation that fills it first.
    mutating func createFile(
        _ create: FileCreate, _ caller: Caller, _ effects: inout Effects
    ) throws(Failure) -> Operation? {
        guard !fileNames.contains(where: { $0.name == create.file }) else {
            throw Failure(.exists, "there is a file `\(create.file)` already")
        }
        guard fileNames.count < limits.files else { throw over("files", limits.files) }
        try checkFileLength(create.length)
        guard let pattern = create.pattern, create.length > 0 else {
            let id = machine.makeFile(length: create.length)
            fileNames.append((create.file, id))
            answerFile(create.file, id, caller, &effects)
            return nil
        }
        try checkLength(create.length)
        let id = machine.makeFile(length: create.length)
        return Operation(
            caller: caller, verb: .fileCreate, space: SpaceID(rawValue: 0),
            work: .fileCreate(Boxed(FileAllocation(id, 0, create.length)), create.file),
            bulk: BulkAccess(.file(id), 0, create.length, .fill(Fill(pattern))))
    }

    private func checkFileLength(_ length: UInt64) throws(Failure) {
        guard length <= limits.fileBytes else {
            throw Failure(.limit, "a file has at most \(limits.fileBytes) bytes")
        }
    }

    func answerFile(_ name: ShortName, _ id: FileID, _ caller: Caller, _ effects: inout Effects) {
        guard let index = machine.files.index(of: id) else { return }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" file=", name)
        effects.text.pair(" len=", machine.files[index].length)
        effects.text.endLine()
    }

    func operation(_ truncate: FileTruncate, _ caller: Caller) throws(Failure) -> Operation {
        let id = try file(truncate.file)
        try checkFileLength(truncate.length)
        return Operation(
            caller: caller, verb: .fileTruncate, space: SpaceID(rawValue: 0),
            work: .cut(Boxed(FileCut(truncating: id, to: truncate.length, machine))))
    }

    func answer(_ cut: FileCut, _ operation: borrowing Operation, _ effects: inout Effects) {
        let caller = operation.caller
        guard let index = machine.files.index(of: cut.file) else { return }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        if let name = fileNames.first(where: { $0.id == cut.file })?.name { effects.text.pair(" file=", name) }
        effects.text.pair(" len=", machine.files[index].length)
        effects.text.pair(" pages=", cut.dropped)
        effects.text.pair(" acked=", operation.acked)
        effects.text.pair(" fenced=", operation.fenced)
        effects.text.endLine()
    }

    func operation(_ read: FileRead, _ caller: Caller) throws(Failure) -> Operation {
        let id = try file(read.file)
        try checkLength(read.length, read.form)
        let length = machine.files.index(of: id).map { machine.files[$0].length } ?? 0
        let count = read.offset < length ? min(read.length, length - read.offset) : 0
        return Operation(
            caller: caller, verb: .fileRead, space: SpaceID(rawValue: 0), work: .fileLoad(id, count, read),
            bulk: looking(read.form, .file(id), read.offset, read.form == .ints ? count & ~3 : count))
    }

    mutating func answer(
        _ read: FileRead, _ file: FileID, _ count: UInt64, _ found: BulkAccess?, _ caller: Caller,
        _ effects: inout Effects
    ) throws(Failure) {
        effects.answer(caller)
        if let found {
            try writeRows(found, caller.tag, &effects, key: " offset=")
        } else if count > 0 {
            writeRow(read.form, Int(count), caller.tag, &effects) { machine.loadFile(file, read.offset, into: $0) }
        }
        answerStored(count, caller, &effects)
    }

    func operation(_ write: FileWrite, _ caller: Caller) throws(Failure) -> Operation {
        let id = try file(write.file)
        let length = write.length ?? UInt64(write.data.count)
        guard length > 0 else { throw Failure(.badArgument, "`data` is empty") }
        let (end, overflow) = write.offset.addingReportingOverflow(length)
        guard !overflow else { throw Failure(.badArgument, "the range wraps") }
        try checkFileLength(end)
        try checkLength(length)
        return Operation(
            caller: caller, verb: .fileWrite, space: SpaceID(rawValue: 0),
            work: .fileStore(Boxed(FileAllocation(id, write.offset, length)), write),
            bulk: storing(.file(id), write.offset, write.data, write.pattern, length))
    }

    /// So many bytes have been stored, or were there.
    func answerStored(_ count: UInt64, _ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", count)
        effects.text.endLine()
    }

    mutating func operation(_ remove: FileRemove, _ caller: Caller) throws(Failure) -> Operation {
        let id = try file(remove.file)
        fileNames.removeAll { $0.id == id }
        return removing(FileRemoval(id), caller)
    }

    private func removing(_ removal: FileRemoval, _ caller: Caller) -> Operation {
        Operation(caller: caller, verb: .fileRemove, space: SpaceID(rawValue: 0), work: .fileRemove(removal))
    }

    /// What came to nothing had a file that nothing else holds.
    mutating func freeUnusedFiles(_ now: Instant, _ effects: inout Effects) {
        if machine.hasUnusedFiles { run(removing(FileRemoval(), .nobody), now, &effects) }
    }

    func listFiles(_ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        for entry in fileNames {
            guard let index = machine.files.index(of: entry.id) else { continue }
            effects.text.beginRow(caller.tag)
            effects.text.pair(" file=", entry.name)
            effects.text.pair(" len=", machine.files[index].length)
            effects.text.pair(" pages=", machine.files[index].present)
            effects.text.pair(" maps=", UInt64(machine.files[index].mappings))
            effects.text.endLine()
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", UInt64(fileNames.count))
        effects.text.endLine()
    }
}
