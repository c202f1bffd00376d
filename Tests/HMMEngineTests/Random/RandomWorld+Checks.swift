import HMMProtocol

/// Whether answers are right.
extension RandomWorld {
    mutating func check(_ asked: Asked, _ answer: Answer, _ name: String) throws {
        if case .migrate(let space, let pages, let mover) = asked { forget(space, pages, mover, name) }
        if let code = answer.code, try isExcused(code, asked, name) { return }
        switch asked {
        case .createSpace(let policy):
            try expect(answer.code == nil, "mm.create")
            spaces[UInt32(answer.number("mm"))] = SpaceModel(policy: policy)
        case .dropSpace(let space):
            try expect(answer.code == nil, "mm.drop")
            spaces[space] = nil
        case .map(let space, let pages, let count, let rights): try checkMap(space, pages, count, rights, answer)
        case .unmap(let space, let pages):
            try expect(answer.code == nil, "munmap")
            spaces[space]?.unmap(pages)
        case .protect(let space, let pages, let rights): try checkProtect(space, pages, rights, answer)
        case .areas(let space): try checkAreas(space, answer)
        case .load(let space, let va, let length):
            try checkLoad(space, va, length, answer) { $0 != [] }
        case .store(let space, let va, let length, let data):
            try checkStore(space, va, length, data, answer)
        case .migrate(let space, let pages, _): try checkMigration(space, pages, answer)
        case .mirror(let space, let device, let isAutomatic):
            try expect(answer.code == nil, "mirror")
            clients[name]?.mirrors[UInt32(answer.number("mirror"))] = MirrorModel(
                space: space, device: device, isAutomatic: isAutomatic)
        case .dropMirror(let id):
            try expect(answer.code == nil, "mirror.drop")
            clients[name]?.mirrors[id] = nil
            clients[name]?.openEvents.removeAll { $0.mirror == id }
        case .fault(let id, let pages, let write, _): try checkFault(id, pages, write, answer, name)
        case .snapshot(let id, let pages):
            try expect(answer.code == nil, "snapshot")
            try checkRows(id, pages, answer, name) { kind, rights in (kind == "error") == !rights.contains(.read) }
        case .deviceLoad(let id, let va, let length):
            guard let space = clients[name]?.mirrors[id]?.space else { return }
            try checkLoad(space, va, length, answer) { $0.contains(.read) }
        case .deviceStore(let id, let va, let length, let data):
            try checkDeviceStore(id, va, length, data, answer, name)
        case .badAck: try expect(answer.code == "NOEVENT", "ack of nothing")
        case .ping: try expect(answer.code == nil && answer.rows.isEmpty, "ping")
        }
    }

    func expect(_ isRight: Bool, _ what: String) throws {
        if !isRight { throw mismatch("wrong answer: \(what)") }
    }

    /// Failures that say that something else came between.
    private mutating func isExcused(_ code: String, _ asked: Asked, _ name: String) throws -> Bool {
        let mirror = asked.mirror.flatMap { clients[name]?.mirrors[$0] }
        let space = asked.space ?? mirror?.space
        let isGone = space.map { spaces[$0] == nil } ?? true
        switch code {
        case "CANCELLED": try expect(isGone || mirror?.isFenced ?? true, "CANCELLED")
        case "NOMM": try expect(isGone, "NOMM")
        case "NOMIRROR": try expect(asked.mirror != nil && mirror == nil, "NOMIRROR")
        case "FENCED": try expect(mirror?.isFenced ?? false, "FENCED")
        case "LIMIT": try expect(isTight, "LIMIT")
        case "BUSY":
            guard case .fault(_, _, _, true) = asked else { throw mismatch("BUSY") }
        case "TIMEOUT":
            // Of which space a mirror was that has gone meanwhile, nobody knows any more.
            try expect(space.map { spaces[$0]?.policy == "fail" } ?? (asked.mirror != nil), "TIMEOUT")
            if case .protect(let space, let pages, let rights) = asked { try resync(space, pages, rights) }
        default: return false
        }
        return true
    }

    /// A change of protection that failed half way has changed some areas; the engine knows which.
    private mutating func resync(_ space: UInt32, _ pages: Range<UInt64>, _ rights: SpaceModel.Rights) throws {
        let changed = pages.filter { actualRights(space, $0) == rights }
        spaces[space]?.protect(changed, rights)
    }

    /// Refused at the first page that is not fit, or not at all.
    private func checkGap(
        _ space: UInt32, _ pages: Range<UInt64>, _ answer: Answer, errno: String, _ isFit: (SpaceModel.Rights) -> Bool
    ) throws {
        let gap = spaces[space]?.first(in: pages, unless: isFit)
        try expect(
            gap == nil
                ? answer.code == nil : answer.code == "NOMAP" && answer.failure?.errno == errno && answer.page == gap,
            "hole at \(gap.map(String.init) ?? "none")")
    }

    private mutating func checkMap(
        _ space: UInt32, _ pages: Range<UInt64>?, _ count: UInt64, _ rights: SpaceModel.Rights, _ answer: Answer
    ) throws {
        let model = spaces[space]
        if let pages, pages.contains(where: { model?.rights[$0] != nil }) {
            return try expect(answer.code == "EXISTS", "mmap of a place that is taken")
        }
        let start = answer.number("va") >> 12
        let range = start..<start + answer.number("len") >> 12
        try expect(answer.code == nil && (pages.map { $0 == range } ?? (range.count == count)), "mmap")
        try expect(!range.contains { model?.rights[$0] != nil }, "mmap over something")
        spaces[space]?.map(range, rights)
    }

    private mutating func checkProtect(
        _ space: UInt32, _ pages: Range<UInt64>, _ rights: SpaceModel.Rights, _ answer: Answer
    ) throws {
        try checkGap(space, pages, answer, errno: "ENOMEM") { _ in true }
        let gap = spaces[space]?.first(in: pages) { _ in true }
        spaces[space]?.protect(pages.lowerBound..<(gap ?? pages.upperBound), rights)
    }

    private func checkAreas(_ space: UInt32, _ answer: Answer) throws {
        var shown: [UInt64: SpaceModel.Rights] = [:]
        for row in answer.rows {
            guard let va = row["va"]?.number, let length = row["len"]?.number, let word = row["prot"]?.text else {
                continue
            }
            for page in va >> 12..<(va + length) >> 12 { shown[page] = SpaceModel.Rights(word) }
        }
        // It waits for nobody, and may see half of what another request does.
        let isChanging = clients.values.contains { client in
            (client.tagged.values + client.untagged).contains {
                if case .protect(space, _, _) = $0 { true } else { false }
            }
        }
        try expect(answer.code == nil && (isChanging || shown == spaces[space]?.rights), "maps")
    }

    private func checkLoad(
        _ space: UInt32, _ va: UInt64, _ length: UInt64, _ answer: Answer, _ isFit: (SpaceModel.Rights) -> Bool
    ) throws {
        try checkGap(space, Self.pages(va, length), answer, errno: "EFAULT", isFit)
        guard answer.code == nil else { return }
        try expect(
            answer.rows.count == 1 && answer.rows[0]["data"]?.octets == spaces[space]?.load(va, length), "bytes read")
    }

    private mutating func checkStore(
        _ space: UInt32, _ va: UInt64, _ length: UInt64, _ data: [UInt8], _ answer: Answer
    ) throws {
        let pages = Self.pages(va, length)
        guard let bad = spaces[space]?.first(in: pages, unless: { $0.contains(.write) }) else {
            try expect(answer.code == nil, "write")
            spaces[space]?.store(va, length, data)
            return
        }
        let isThere = spaces[space]?.rights[bad].map { $0 != [] } ?? false
        try expect(answer.code == (isThere ? "PERM" : "NOMAP") && answer.page == bad, "write of page \(bad)")
    }

    static func pages(_ va: UInt64, _ length: UInt64) -> Range<UInt64> { va >> 12..<(va + length + 4095) >> 12 }
}
