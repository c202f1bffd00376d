import HMMMemory
import HMMProtocol

@testable import HMMEngine
@testable import HMMSimulator

/// Whether what devices are told is right.
extension RandomWorld {
    mutating func checkFault(
        _ id: UInt32, _ pages: Range<UInt64>, _ needs: [Asked.Need], _ answer: Answer, _ name: String
    ) throws {
        guard let mirror = clients[name]?.mirrors[id], let space = spaces[mirror.space] else { return }
        if answer.code != nil { return try checkRefusal(space, pages, needs, answer) }
        let memory = memory
        try checkRows(id, pages, answer, name) { number, kind, perm in
            let need = needs[Int(number - pages.lowerBound)]
            guard let page = space.pages[number], page.isReadable else { return kind == "error" && need == .nothing }
            if need == .nothing { return kind != "error" }
            return kind != "error" && kind != "none" && !memory.isBeyondEnd(page)
                && (need == .read || perm == "rw" || kind == "private")
        }
    }

    /// A device is refused where there is no right to read, or to write when it wants that, or no file any more; the
    /// first such page is named.
    private func checkRefusal(
        _ space: SpaceModel, _ pages: Range<UInt64>, _ needs: [Asked.Need], _ answer: Answer
    ) throws {
        let hole = pages.first {
            needs[Int($0 - pages.lowerBound)] != .nothing && !(space.pages[$0]?.isReadable ?? false)
        }
        guard let number = answer.page, pages.contains(number) else { throw mismatch("a refusal without a page") }
        let page = space.pages[number]
        let wantsWrite = needs.contains(.write)
        switch (answer.code, answer.failure?.errno) {
        case ("NOMAP", "EFAULT"): try expect(number == hole, "NOMAP")
        case ("BUSERR", "EFAULT"):
            try expect(page.map(memory.isBeyondEnd) ?? false && number < hole ?? UInt64.max, "BUSERR")
        case ("PERM", "EPERM"):
            try expect(wantsWrite && page?.rights == .read && number < hole ?? UInt64.max, "PERM")
        case ("PERM", "EFAULT"): try expect(wantsWrite && page?.isReadable ?? false, "PERM EFAULT")
        default: throw mismatch("a device is refused with \(answer.code ?? "nothing")")
        }
    }

    func checkDeviceLoad(_ id: UInt32, _ va: UInt64, _ length: UInt64, _ answer: Answer, _ name: String) throws {
        guard let space = clients[name]?.mirrors[id]?.space, let model = spaces[space] else { return }
        let pages = Self.pages(va, length)
        // A device reads what it has for itself even where that may only be written.
        let hole = model.first(in: pages) { $0.isWritable || $0.isReadable }
        if answer.code == "NOMAP", let number = answer.page, pages.contains(number), hole ?? .max >= number {
            return try expect(model.pages[number]?.isReadable != true, "NOMAP")
        }
        if answer.code != nil { return try checkRefusal(model, pages, pages.map { _ in .read }, answer) }
        // What may only be written a device can have for itself, and then read.
        try expect(model.first(in: pages) { $0.isReadable || $0.isWritable } == nil, "dev.read")
        try checkData(answer, memory.load(space, va, length))
    }

    mutating func checkDeviceStore(
        _ id: UInt32, _ va: UInt64, _ data: [UInt8], _ answer: Answer, _ name: String
    ) throws {
        guard let mirror = clients[name]?.mirrors[id], let model = spaces[mirror.space] else { return }
        let pages = Self.pages(va, UInt64(data.count))
        var after = memory
        after.store(mirror.space, va, data)
        // What may only be written a careful driver can have for itself, and then write.
        let hole = model.first(in: pages) { $0.isReadable || (mirror.keepsTable && $0.isWritable) }
        if answer.code == "NOMAP", let number = answer.page, pages.contains(number), hole ?? .max >= number {
            try expect(model.pages[number]?.isReadable != true, "NOMAP")
            return try adoptStored(mirror, pages, after)
        }
        if answer.code != nil {
            try checkRefusal(model, pages, pages.map { _ in .write }, answer)
            return try adoptStored(mirror, pages, after)
        }
        try expect(
            model.first(in: pages) {
                ($0.isReadable || mirror.keepsTable) && $0.isWritable && !memory.isBeyondEnd($0)
            } == nil, "dev.write")
        memory = after
    }

    /// The kernel's test driver has written what came before the page that failed.
    mutating func adoptStored(_ mirror: MirrorModel, _ pages: Range<UInt64>, _ after: MemoryModel) throws {
        guard !mirror.keepsTable, spaces[mirror.space] != nil else { return }
        try noticeCopies()
        try adopt(mirror.space, pages, [memory, after])
    }

    mutating func checkMigration(
        _ space: UInt32, _ pages: Range<UInt64>, _ answer: Answer, mayStay: Bool = false
    ) throws {
        let gap = spaces[space]?.first(in: pages) { $0.isMigratable }
        guard gap == nil else {
            return try expect(
                answer.code == "NOMAP" && answer.failure?.errno == "EINVAL" && answer.page == gap, "migrate")
        }
        if mayStay, answer.code == "STAYED" { return }
        try expect(answer.code == nil && answer.number("moved") + answer.number("stayed") == pages.count, "migrate")
        var next = pages.lowerBound
        for row in answer.rows {
            try expect(row["va"]?.number == next << 12, "rows of a migration")
            next += row["pages"]?.number ?? 0
        }
        try expect(next == pages.upperBound, "rows of a migration")
    }

    /// Whatever became of its movement, a driver has not been told of the pages that moved: it forgets them all.
    mutating func forgetMoved(_ asked: Asked, _ name: String) {
        guard let (space, device, pages) = clients[name]?.movement(asked) else { return }
        for (id, mirror) in clients[name]?.mirrors ?? [:] where mirror.space == space && mirror.device == device {
            clients[name]?.mirrors[id]?.forget(pages)
        }
    }

    func checkExclusive(_ id: UInt32, _ pages: Range<UInt64>, _ answer: Answer, _ name: String) throws {
        guard let space = clients[name]?.mirrors[id].flatMap({ spaces[$0.space] }) else { return }
        guard answer.code == nil else {
            try expect(["NOTEXCL", "NOMAP", "PERM", "BUSERR"].contains(answer.code), "exclusive")
            return
        }
        let unfit = space.first(in: pages) { page in
            page.isWritable && !page.isShared && page.backing != .io && page.backing != .hugetlb
        }
        try expect(unfit == nil && answer.number("pages") == pages.count, "exclusive, page \(unfit ?? 0)")
    }

    /// Rows cover the range; the driver believes them.
    mutating func checkRows(
        _ id: UInt32, _ pages: Range<UInt64>, _ answer: Answer, _ name: String,
        _ isRight: (UInt64, _ kind: String, _ perm: String?) -> Bool
    ) throws {
        guard let client = clients[name], var mirror = client.mirrors[id], let space = spaces[mirror.space] else {
            return
        }
        var next = pages.lowerBound
        for row in answer.rows {
            guard row["va"]?.number == next << 12, let count = row["pages"]?.number, let kind = row["kind"]?.text else {
                throw mismatch("rows do not cover the range")
            }
            var frames = Answer.frames(row["pfn"]?.text)
            for page in next..<next + count {
                let perm = row["perm"]?.text
                try expect(
                    isRight(page, kind, perm) && (perm != "rw" || space.pages[page]?.isWritable ?? false),
                    "row of page \(page): \(kind)")
                let frame = frames.isEmpty ? nil : frames.removeFirst()
                guard kind != "none", kind != "error", !client.isMigrating(page, mirror) else { continue }
                try expect((frame == nil) == (kind == "zero"), "frames of a row")
                mirror.table[page] = MirrorModel.Translation(frame: frame, isWritable: perm == "rw")
            }
            next += count
        }
        try expect(next == pages.upperBound, "rows do not cover the range")
        clients[name]?.mirrors[id] = mirror
    }
}
