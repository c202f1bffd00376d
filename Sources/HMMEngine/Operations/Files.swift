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

    mutating func createFile(_ create: FileCreate, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        guard !fileNames.contains(where: { $0.name == create.file }) else {
            throw Failure(.exists, "there is a file `\(create.file)` already")
        }
        guard fileNames.count < limits.files else { throw over("files", limits.files) }
        try checkFileLength(create.length)
        if create.pattern != nil { try checkRoom(create.length) }
        let id = machine.makeFile(length: create.length)
        fileNames.append((create.file, id))
        if let pattern = create.pattern, create.length > 0 {
            let zero: [UInt8] = [0]
            guard zero.withUnsafeBytes({ machine.storeFile(id, 0, create.length, from: $0) }) else {
                machine.forgetName(id)
                fileNames.removeLast()
                throw overFrames()
            }
            machine.fileFill(id, 0, create.length, with: Fill(pattern))
        }
        answerFile(create.file, id, caller, &effects)
    }

    func overFrames() -> Failure {
        Failure(.limit, "the tenant has \(meter.hard(.residentBytes)) bytes of page frames, or of page tables, in use")
    }

    private func checkRoom(_ length: UInt64) throws(Failure) {
        guard length <= limits.residentBytes else { throw overFrames() }
    }

    private func checkFileLength(_ length: UInt64) throws(Failure) {
        guard length <= limits.fileBytes else {
            throw Failure(.limit, "a file has at most \(limits.fileBytes) bytes")
        }
    }

    private func answerFile(_ name: ShortName, _ id: FileID, _ caller: Caller, _ effects: inout Effects) {
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
            work: .cut(FileCut(truncating: id, to: truncate.length, machine)))
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

    func readFile(_ read: FileRead, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let id = try file(read.file)
        try checkLength(read.length, read.form, isFile: true)
        guard let index = machine.files.index(of: id) else { return }
        let length = machine.files[index].length
        let count = read.offset < length ? min(read.length, length - read.offset) : 0
        effects.answer(caller)
        let start = effects.text.count
        do throws(Failure) {
            switch read.form {
            case .pages:
                let pages = PageRange(touching: read.offset, length: count)
                try writeRows(
                    machine.fileContents(id, count == 0 ? PageRange(pages.start, pages.start) : pages), caller.tag,
                    &effects,
                    key: " offset=")
            case .ints:
                try writeIntegers(read.offset, count & ~3, caller.tag, &effects, key: " offset=") {
                    machine.loadFile(id, $0, into: $1)
                }
            default:
                if count > 0 {
                    writeRow(read.form, Int(count), caller.tag, &effects) {
                        machine.loadFile(id, read.offset, into: $0)
                    }
                }
            }
        } catch {
            effects.text.truncate(to: start)
            throw error
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", count)
        effects.text.endLine()
    }

    mutating func writeFile(_ write: FileWrite, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let id = try file(write.file)
        let length = write.length ?? UInt64(write.data.count)
        guard length > 0 else { throw Failure(.badArgument, "`data` is empty") }
        guard length <= limits.bulk else { throw Failure(.limit, "one request covers at most \(limits.bulk) bytes so") }
        let (end, overflow) = write.offset.addingReportingOverflow(length)
        guard !overflow else { throw Failure(.badArgument, "the range wraps") }
        try checkFileLength(end)
        try checkRoom(length)
        let data = write.pattern == nil ? write.data : [0]
        let isStored = data.withUnsafeBytes { machine.storeFile(id, write.offset, length, from: $0) }
        guard isStored else { throw overFrames() }
        if let pattern = write.pattern { machine.fileFill(id, write.offset, length, with: Fill(pattern)) }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" n=", length)
        effects.text.endLine()
    }

    mutating func removeFile(_ remove: FileRemove, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let id = try file(remove.file)
        fileNames.removeAll { $0.id == id }
        machine.forgetName(id)
        effects.succeed(caller)
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
