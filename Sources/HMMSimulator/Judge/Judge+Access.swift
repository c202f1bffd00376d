import HMMEngine
import HMMProtocol

/// Loads, stores and files against the model.
extension Judge {
    mutating func accessed(_ request: Request, _ answer: Answer) throws(Violation) {
        switch request {
        case .read(let read):
            guard !read.each else { return }
            try checkReach(read.space, read.extent, "read") { $0.rights != [] && $0.backing != .io }
            try checkLoad(read.space, read.extent, answer)
        case .deviceRead(let read):
            guard let space = mirrors[read.mirror]?.space else { return }
            try checkReach(space, read.extent, "dev.read") { $0.rights != [] && $0.backing != .io }
            try checkLoad(space, read.extent, answer)
        case .write(let write):
            guard !write.each else { return }
            guard write.length ?? 0 <= 1 << 20 else { return forget(request) }
            try store(write.space, write.va, Self.bytes(write.data, write.pattern, write.length, write.va), "write")
        case .deviceWrite(let write):
            guard let space = mirrors[write.mirror]?.space else { return }
            guard write.length ?? 0 <= 1 << 20 else { return forget(request) }
            try store(space, write.va, Self.bytes(write.data, write.pattern, write.length, write.va), "dev.write")
        default: try accessedFile(request, answer)
        }
    }

    private func checkReach(
        _ space: UInt32, _ extent: Extent, _ what: String, _ isFit: (SpaceModel.Page) -> Bool
    ) throws(Violation) {
        guard let model = memory.spaces[space] else { return }
        for page in Self.pages(extent) where !(murky[space]?.contains(page) ?? false) {
            guard let found = model.pages[page], isFit(found) else {
                throw Violation(
                    .data,
                    "`\(what)` succeeds at page 0x\(String(page, radix: 16)) of space \(space), which is "
                        + (model.pages[page] == nil ? "not mapped" : "out of its reach"))
            }
        }
    }

    private mutating func checkLoad(_ space: UInt32, _ extent: Extent, _ answer: Answer) throws(Violation) {
        guard answer.rows.count == 1, let data = answer.rows[0]["data"]?.octets, data.count == extent.length else {
            return
        }
        var at = 0
        for (number, range) in MemoryModel.pieces(extent.va, extent.length) {
            let found = data[at..<at + range.count]
            at += range.count
            let kind = memory.spaces[space]?.pages[number]?.backing.word ?? "what nothing is known of"
            coverage.note(.reading, kind)
            guard let expected = known(space, number) else { continue }
            coverage.note(.reading, "\(kind), compared")
            guard let difference = zip(expected[range], found).enumerated().first(where: { $1.0 != $1.1 })?.offset
            else {
                continue
            }
            throw Violation(
                .data,
                "page 0x\(String(number, radix: 16)) of space \(space) is read from its byte "
                    + "\(range.lowerBound + difference) on as \(Self.hex(found.dropFirst(difference).prefix(8))), "
                    + "written was \(Self.hex(expected[range].dropFirst(difference).prefix(8)))")
        }
    }

    private mutating func store(
        _ space: UInt32, _ va: UInt64, _ data: [UInt8], _ what: String
    ) throws(Violation) {
        guard !data.isEmpty, let extent = try? Extent(checking: va, UInt64(data.count)) else { return }
        try checkReach(space, extent, what) { $0.isWritable && $0.backing != .io }
        // What is behind a page of which nothing is known may be any file that the space shares.
        if memory.spaces[space] == nil || isMurky(space, Self.pages(extent)) { return fadeShared(space) }
        memory.store(space, va, data)
    }

    /// What a store writes.
    private static func bytes(_ data: [UInt8], _ pattern: Pattern?, _ length: UInt64?, _ va: UInt64) -> [UInt8] {
        let count = length ?? UInt64(data.count)
        switch pattern {
        case .byte(let byte)?: return [UInt8](repeating: byte, count: Int(count))
        case .bytePlusPage(let byte)?:
            // Pages of the range, which begins where it begins.
            return MemoryModel.pieces(0, count).flatMap { number, range in
                [UInt8](repeating: byte &+ UInt8(truncatingIfNeeded: number), count: range.count)
            }
        case .ints?, .negativeInts?:
            return (0..<Int32(count / 4)).flatMap { index in
                let value = UInt32(bitPattern: pattern == .ints ? index : -index)
                return [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: value >> $0) }
            }
        case nil:
            guard !data.isEmpty else { return [] }
            return (0..<Int(count)).map { data[$0 % data.count] }
        }
    }

    // MARK: Files

    private mutating func accessedFile(_ request: Request, _ answer: Answer) throws(Violation) {
        switch request {
        case .fileCreate(let create):
            let file = memory.makeFile(create.length)
            memory.names["\(create.file)"] = file
            // Of two files with one name a request that waits may mean either.
            if let other = memory.everyName.updateValue(file, forKey: "\(create.file)") {
                memory.lose(other)
                memory.lose(file)
            }
            if create.pattern != nil { memory.fade(file: file) }
        case .fileTruncate(let truncate):
            guard let file = memory.everyName["\(truncate.file)"] else { return }
            memory.truncate(file, truncate.length)
        case .fileWrite(let write):
            guard let file = memory.everyName["\(write.file)"] else { return }
            guard write.length ?? 0 <= 1 << 20 else { return memory.lose(file) }
            memory.writeFile(file, write.offset, Self.bytes(write.data, write.pattern, write.length, write.offset))
        case .fileRead(let read):
            try checkFile(read, answer)
        case .fileRemove(let remove): memory.names["\(remove.file)"] = nil
        default: break
        }
    }

    private func checkFile(_ read: FileRead, _ answer: Answer) throws(Violation) {
        guard let file = memory.everyName["\(read.file)"], let model = memory.files[file], !model.isLost else { return }
        let count = read.offset < model.length ? min(read.length, model.length - read.offset) : 0
        try expect(
            answer.number("n") == count, "\(answer.number("n")) bytes of file \(read.file) are read, not \(count)")
        guard answer.rows.count == 1, let data = answer.rows[0]["data"]?.octets, data.count == count else { return }
        var at = 0
        for (number, range) in MemoryModel.pieces(read.offset, count) {
            let found = data[at..<at + range.count]
            at += range.count
            let expected = (model.pages[number] ?? MemoryModel.zeroes)[range]
            guard !model.faded.contains(number), !expected.elementsEqual(found) else { continue }
            throw Violation(
                .data,
                "page \(number) of file \(read.file) is read as \(Self.hex(found.prefix(8))), written was "
                    + Self.hex(expected.prefix(8)))
        }
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
