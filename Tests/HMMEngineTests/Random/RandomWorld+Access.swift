import HMMProtocol

@testable import HMMSimulator

/// Whether accesses are right: loads, stores, pins, files.
extension RandomWorld {
    func checkData(_ answer: Answer, _ expected: [UInt8]) throws {
        try expect(answer.rows.count == 1 && answer.rows[0]["data"]?.octets == expected, "bytes read")
    }

    /// Refused at the first page that is not fit, or else at the first beyond the end of its file.
    private func accessRefusal(
        _ space: UInt32, _ pages: Range<UInt64>, _ isFit: (SpaceModel.Page) -> Bool
    ) -> MemoryModel.Refusal? {
        guard let model = spaces[space] else { return nil }
        if let gap = model.first(in: pages, unless: isFit) {
            let page = model.pages[gap]
            let isThere = page.map { $0.rights != [] && $0.backing != .io } ?? false
            return MemoryModel.Refusal(code: isThere ? "PERM" : "NOMAP", errno: isThere ? "EPERM" : "EFAULT", page: gap)
        }
        return pages.first { model.pages[$0].map(memory.isBeyondEnd) ?? false }
            .map { MemoryModel.Refusal(code: "BUSERR", errno: "EFAULT", page: $0) }
    }

    private static func isLoadable(_ page: SpaceModel.Page) -> Bool { page.rights != [] && page.backing != .io }

    func checkLoad(_ space: UInt32, _ va: UInt64, _ length: UInt64, _ answer: Answer) throws {
        let refusal = accessRefusal(space, Self.pages(va, length), Self.isLoadable)
        try expect(refusal, answer, "read")
        if refusal == nil { try checkData(answer, memory.load(space, va, length)) }
    }

    mutating func checkStore(_ space: UInt32, _ va: UInt64, _ data: [UInt8], _ answer: Answer) throws {
        let refusal = accessRefusal(space, Self.pages(va, UInt64(data.count))) { $0.isWritable && $0.backing != .io }
        try expect(refusal, answer, "write")
        if refusal == nil { memory.store(space, va, data) }
    }

    func checkSweep(_ space: UInt32, _ pages: Range<UInt64>, _ isAtOnce: Bool, _ answer: Answer) throws {
        try expect(answer.code == nil, "read each")
        var next = pages.lowerBound
        for row in answer.rows {
            let start = next
            try expect(row["va"]?.number == next << 12, "rows of a sweep")
            next += row["pages"]?.number ?? 0
            for number in start..<next where isAtOnce {
                let page = spaces[space]?.pages[number]
                guard let page, Self.isLoadable(page) else {
                    try expect(row["fault"]?.text == "SEGV", "SEGV")
                    continue
                }
                if memory.isBeyondEnd(page) {
                    try expect(row["fault"]?.text == "BUS", "BUS")
                    continue
                }
                let bytes = memory.content(page)
                let isEven = bytes.allSatisfy { $0 == bytes[0] }
                try expect(isEven ? row["byte"] != nil : row["mixed"] != nil, "page \(number) of a sweep")
                if isEven { try expect(row["byte"]?.text == Self.hex([bytes[0]]), "byte of page \(number)") }
            }
        }
        try expect(next == pages.upperBound, "rows of a sweep")
    }

    mutating func checkPin(
        _ space: UInt32, _ pages: Range<UInt64>, _ write: Bool, _ isLongTerm: Bool, _ answer: Answer,
        _ name: String
    ) throws {
        let bad = spaces[space]?.first(in: pages) { page in
            page.isReadable && (!write || page.isWritable) && !memory.isBeyondEnd(page)
        }
        // What may be written may be pinned for that, readable or not.
        let unfit = spaces[space]?.first(in: pages) { page in
            page.backing != .io && (write ? page.isWritable : page.isReadable) && !memory.isBeyondEnd(page)
        }
        guard let unfit else {
            try expect(answer.code == nil && (bad == nil || write), "pin")
            pins[UInt32(answer.number("pin"))] = PinModel(owner: name, pages: answer.number("pages"))
            return
        }
        let isBeyond = spaces[space]?.pages[unfit].map { page in
            page.backing != .io && (write ? page.isWritable : page.isReadable)
        }
        let code = isBeyond ?? false ? "BUSERR" : "NOMAP"
        try expect(answer.code == code && answer.failure?.errno == "EFAULT" && answer.page == unfit, "pin: \(code)")
    }

    // MARK: Files

    mutating func checkFile(_ asked: Asked, _ answer: Answer) throws {
        switch asked {
        case .createFile(let name, let length, let data):
            try expect(answer.code == nil && answer.number("len") == length, "file.create")
            let file = memory.makeFile(length)
            memory.names[name] = file
            memory.everyName[name] = file
            if !data.isEmpty { memory.writeFile(file, 0, data) }
        case .truncate(let name, let length):
            // It may have lost its name while the request waited.
            let known = answer.code == nil ? memory.everyName[name] : try file(name, answer)
            guard let file = known else { return }
            try expect(answer.code == nil && answer.number("len") == length, "file.truncate")
            memory.truncate(file, length)
        case .readFile(let name, let offset, let length):
            guard let file = try file(name, answer) else { return }
            let data = memory.readFile(file, offset, length)
            try expect(answer.code == nil && answer.number("n") == data.count, "file.read")
            if !data.isEmpty { try checkData(answer, data) }
        case .writeFile(let name, let offset, let data):
            guard let file = try file(name, answer) else { return }
            try expect(answer.code == nil && answer.number("n") == data.count, "file.write")
            memory.writeFile(file, offset, data)
        case .removeFile(let name):
            guard try file(name, answer) != nil else { return }
            try expect(answer.code == nil, "file.remove")
            memory.names[name] = nil
        default: break
        }
    }

    /// The file of a name; nil where there is none any more, and the answer says so.
    private func file(_ name: String, _ answer: Answer) throws -> Int? {
        if let file = memory.names[name] { return file }
        try expect(["NOFILE", "CANCELLED"].contains(answer.code), "a file that is not there")
        return nil
    }

    // MARK: Devices

    mutating func checkDevice(_ asked: Asked, _ answer: Answer) throws {
        switch asked {
        case .createDevice(let name, let isTestDriver):
            guard devices[name] == nil else { return try expect(answer.code == "EXISTS", "dev.create") }
            try expect(answer.code == nil, "dev.create")
            devices[name] = isTestDriver
        case .removeDevice(let name):
            try expect(answer.code == nil, "dev.remove")
            devices[name] = nil
            regions = regions.filter { $0.value.device != name }
        case .createRegion(let device):
            try expect(answer.code == nil, "region.create")
            regions[UInt32(answer.number("region"))] = (device, answer.number("pfn"), answer.number("pages"))
        case .removeRegion(let id):
            try expect(answer.code == nil, "region.remove")
            regions[id] = nil
        default:
            // What it named may have gone before it began.
            try expect([nil, "NOREGION", "BADARG"].contains(answer.code), "evict")
        }
    }

    static func hex(_ data: [UInt8]) -> String {
        data.map { octet in
            let digits = String(octet, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
