import HMMProtocol

@testable import HMMSimulator

/// Whether answers are right.
extension RandomWorld {
    mutating func check(_ asked: Asked, _ answer: Answer, _ name: String) throws {
        forgetMoved(asked, name)
        try expect(answer.code != "INTERNAL", "INTERNAL")
        if let code = answer.code, try isExcused(code, asked, name) { return }
        switch asked {
        case .createSpace(let policy):
            try expect(answer.code == nil, "mm.create")
            if policy == "fail" { hasFailed = true }
            memory.spaces[UInt32(answer.number("mm"))] = SpaceModel(policy: policy)
        case .fork(let space):
            try expect(answer.code == nil, "mm.fork")
            memory.fork(space, UInt32(answer.number("mm")))
        case .dropSpace(let space):
            try expect(answer.code == nil, "mm.drop")
            memory.spaces[space] = nil
        case .map(let space, let pages, let count, let plan): try checkMap(space, pages, count, plan, answer)
        case .unmap(let space, let pages):
            if try isCut(space, pages, answer) { return }
            try expect(answer.code == nil, "munmap")
            memory.spaces[space]?.unmap(pages)
        case .protect(let space, let pages, let rights):
            try expect(memory.protect(space, pages, rights), answer, "mprotect")
        case .remap(let space, let move): try checkRemap(space, move, answer)
        case .advise(let space, let pages, let advice): try checkAdvice(space, pages, advice, answer)
        case .areas(let space): try checkAreas(space, answer)
        case .load(let space, let va, let length): try checkLoad(space, va, length, answer)
        case .sweep(let space, let pages, let isAtOnce): try checkSweep(space, pages, isAtOnce, answer)
        case .store(let space, let va, let data): try checkStore(space, va, data, answer)
        case .migrate(let space, let pages, _, _): try checkMigration(space, pages, answer)
        case .pin(let space, let pages, let write, let isLongTerm):
            try checkPin(space, pages, write, isLongTerm, answer, name)
        case .unpin(let pin, let pages):
            try expect(
                pins.removeValue(forKey: pin) == nil ? answer.code == "NOPIN" : answer.number("pages") <= pages, "unpin"
            )
        default: try checkMore(asked, answer, name)
        }
    }

    private mutating func checkMore(_ asked: Asked, _ answer: Answer, _ name: String) throws {
        switch asked {
        case .createFile, .truncate, .readFile, .writeFile, .removeFile: try checkFile(asked, answer)
        case .createDevice, .removeDevice, .createRegion, .removeRegion, .evict: try checkDevice(asked, answer)
        case .mirror(let space, let device, let isAutomatic):
            try expect(answer.code == nil, "mirror")
            clients[name]?.mirrors[UInt32(answer.number("mirror"))] = MirrorModel(
                space: space, device: device, isAutomatic: isAutomatic, keepsTable: devices[device] == false)
        case .dropMirror: try expect(answer.code == nil, "mirror.drop")
        case .fault(let id, let pages, let needs, _): try checkFault(id, pages, needs, answer, name)
        case .snapshot(let id, let pages):
            try expect(answer.code == nil, "snapshot")
            let space = clients[name]?.mirrors[id].flatMap { spaces[$0.space] }
            try checkRows(id, pages, answer, name) { number, kind, _ in
                (kind == "error") == !(space?.pages[number]?.isReadable ?? false)
            }
        case .deviceLoad(let id, let va, let length): try checkDeviceLoad(id, va, length, answer, name)
        case .deviceStore(let id, let va, let data): try checkDeviceStore(id, va, data, answer, name)
        case .deviceMigrate(let id, let pages, let toDevice):
            guard let mirror = clients[name]?.mirrors[id] else { return }
            try checkMigration(mirror.space, pages, answer, mayStay: toDevice && !mirror.keepsTable)
        case .exclusive(let id, let pages): try checkExclusive(id, pages, answer, name)
        case .held(_, let pages):
            try expect(answer.code == nil && answer.number("held") <= pages.count, "exclusive.held")
        case .checkState: try expect(answer.number("violations") == 0, "check")
        case .badAck: try expect(answer.code == "NOEVENT", "ack of nothing")
        default: try expect(answer.code == nil && answer.rows.isEmpty, "ping")
        }
    }

    func expect(_ isRight: Bool, _ what: String) throws {
        if !isRight { throw mismatch("wrong answer: \(what)") }
    }

    /// An answer is the refusal that the model gives, or success.
    func expect(_ refusal: MemoryModel.Refusal?, _ answer: Answer, _ what: String) throws {
        let isRight =
            answer.code == refusal?.code && (refusal?.errno == nil || answer.failure?.errno == refusal?.errno)
            && (refusal?.page == nil || answer.page == refusal?.page)
        try expect(isRight, "\(what): expected \(refusal.map { "\($0)" } ?? "success")")
    }

    // MARK: What comes between

    /// Failures that say that something else came between.
    private mutating func isExcused(_ code: String, _ asked: Asked, _ name: String) throws -> Bool {
        let mirror = asked.mirror.flatMap { clients[name]?.mirrors[$0] }
        let space = asked.space ?? mirror?.space
        let isGone = space.map { spaces[$0] == nil } ?? true
        switch code {
        case "CANCELLED": try expect(isGone || mirror?.isFenced ?? true, "CANCELLED")
        case "NOMM": try expect(isGone, "NOMM")
        case "EXITED": try expect(isGone && asked.mirror != nil, "EXITED")
        case "NOMIRROR": try expect(asked.mirror != nil && mirror == nil, "NOMIRROR")
        case "FENCED": try expect(mirror?.isFenced ?? false, "FENCED")
        case "NODEV": try expect(isDeviceGone(asked), "NODEV")
        case "NOREGION":
            guard case .removeRegion(let id) = asked, regions[id] == nil else { throw mismatch("NOREGION") }
        case "LIMIT":
            try expect(isTight, "LIMIT")
            try takeOverHalf(asked, name)
        case "BUSY":
            switch asked {
            case .fault(_, _, _, noWait: true), .removeRegion, .removeDevice, .pin(_, _, _, isLongTerm: true): break
            default: throw mismatch("BUSY")
            }
        case "TIMEOUT":
            try expect(hasFailed, "TIMEOUT")
            try takeOverHalf(asked, name)
        default: return false
        }
        return true
    }

    private func isDeviceGone(_ asked: Asked) -> Bool {
        if case .evict = asked { return true }
        return asked.devices.contains { devices[$0] == nil }
    }

    /// A request that failed half way has done a part; the engine knows which.
    private mutating func takeOverHalf(_ asked: Asked, _ name: String) throws {
        var after = memory
        switch asked {
        case .protect(let space, let pages, let rights):
            _ = after.protect(space, pages, rights)
            try adopt(space, pages, [memory, after])
        case .advise(let space, let pages, let advice):
            _ = after.advise(space, pages, advice)
            try noticeCopies()
            try adopt(space, pages, [memory, after])
        case .remap(let space, let asked):
            let move = memory.whole(space, asked)
            _ = after.prepare(space, move)
            let target = move.target.map { Array($0..<$0 + move.count) } ?? []
            try adopt(space, target + Array(move.old), [memory, after])
        case .unmap(let space, let pages): try adopt(space, pages, [memory])
        case .truncate: noticeLostCopies()
        case .deviceStore(let id, let va, let data):
            guard let mirror = clients[name]?.mirrors[id] else { return }
            after.store(mirror.space, va, data)
            try adoptStored(mirror, Self.pages(va, UInt64(data.count)), after)
        default: break
        }
    }

    // MARK: Areas

    /// Refused because an end cuts a huge page of the reserve.
    private func isCut(_ space: UInt32, _ pages: Range<UInt64>, _ answer: Answer) throws -> Bool {
        guard let cut = spaces[space]?.reservedCut(pages) else { return false }
        try expect(answer.code == "BADARG" && answer.page == cut, "a huge page of the reserve is cut")
        return true
    }

    private mutating func checkMap(
        _ space: UInt32, _ pages: Range<UInt64>?, _ count: UInt64, _ plan: MemoryModel.Plan, _ answer: Answer
    ) throws {
        let model = spaces[space]
        if answer.code == "NOFILE" {
            return try expect(!memory.names.values.contains(plan.file ?? 0), "mmap of a file that is there")
        }
        if plan.kind == "hugetlb", memory.reserved >= MemoryModel.hugePages {
            return try expect(answer.code == "NOSPACE", "mmap beyond the reserve")
        }
        if let pages, !plan.isFixed, pages.contains(where: { model?.pages[$0] != nil }) {
            return try expect(answer.code == "EXISTS", "mmap of a place that is taken")
        }
        if let pages, try isCut(space, pages, answer) { return }
        let start = answer.number("va") >> 12
        try expect(answer.code == nil, "mmap")
        let range = start..<start + answer.number("len") >> 12
        try expect(pages.map { $0 == range } ?? (range.count == count), "mmap")
        try expect(plan.isFixed || !range.contains { model?.pages[$0] != nil }, "mmap over something")
        memory.map(space, range, plan)
    }

    private mutating func checkRemap(_ space: UInt32, _ move: MemoryModel.Move, _ answer: Answer) throws {
        var after = memory
        let move = memory.whole(space, move)
        if let refusal = after.prepare(space, move) {
            memory = after
            return try expect(refusal, answer, "mremap")
        }
        // One mapping or several alike: that depends on how they came to be.
        let mayDiffer = answer.code == "NOMAP" && move.kept.count > 1
        if after.stays(space, move), !mayDiffer, after.refusal(space, move) == nil {
            try expect(answer.code == nil && answer.number("va") >> 12 == move.old.lowerBound, "mremap in place")
        }
        if let refusal = after.refusal(space, move) {
            memory = after
            let isHuge = spaces[space]?.pages[move.old.lowerBound]?.backing == .hugetlb
            return try expect(
                isHuge ? answer.code != nil : mayDiffer || answer.code == refusal.code, "mremap: \(refusal)")
        }
        guard answer.code == nil else {
            memory = after
            let isHuge = spaces[space]?.pages[move.old.lowerBound]?.backing == .hugetlb
            return try expect(mayDiffer || (isHuge && answer.code == "BADARG"), "mremap")
        }
        let start = answer.number("va") >> 12
        try expect(move.target.map { $0 == start } ?? true && answer.number("len") >> 12 == move.count, "mremap")
        let fresh = (start..<start + move.count).filter { !move.old.contains($0) }
        try expect(!fresh.contains { after.spaces[space]?.pages[$0] != nil }, "mremap over something")
        after.remap(space, move, to: start)
        memory = after
    }

    private mutating func checkAdvice(
        _ space: UInt32, _ pages: Range<UInt64>, _ advice: String, _ answer: Answer
    ) throws {
        if advice == "collapse" {
            return try expect([nil, "ADVICE", "NOMAP"].contains(answer.code), "madvise collapse")
        }
        try expect(memory.advise(space, pages, advice), answer, "madvise \(advice)")
    }

    private func checkAreas(_ space: UInt32, _ answer: Answer) throws {
        try expect(answer.code == nil, "maps")
        // It waits for nobody, and may see half of what another request does.
        let isChanging = clients.values.contains { client in
            client.waiting.contains {
                switch $0 {
                case .protect(space, _, _), .remap(space, _), .advise(space, _, _): true
                default: false
                }
            }
        }
        guard !isChanging else { return }
        var shown = 0
        for row in answer.rows {
            guard let va = row["va"]?.number, let length = row["len"]?.number, let word = row["prot"]?.text,
                let kind = row["kind"]?.text
            else { throw mismatch("maps") }
            let flags = Set((row["flags"]?.text ?? "").split(separator: ",").map(String.init))
            for number in va >> 12..<(va + length) >> 12 {
                shown += 1
                let page = spaces[space]?.pages[number]
                let isRight =
                    page?.rights == SpaceModel.Rights(word) && page?.flags == flags
                    && page?.backing.isShown(as: kind) ?? false
                try expect(isRight, "maps, page \(number)")
            }
        }
        try expect(shown == spaces[space]?.pages.count, "maps: \(shown) pages")
    }

    static func pages(_ va: UInt64, _ length: UInt64) -> Range<UInt64> { va >> 12..<(va + length + 4095) >> 12 }
}

extension SpaceModel.Backing {
    func isShown(as kind: String) -> Bool {
        switch self {
        case .anonymous: kind == "anon-private"
        case .hugetlb: kind == "hugetlb"
        case .device: kind == "device"
        case .io: kind == "io"
        case .shared: kind == "file-shared" || kind == "anon-shared"
        case .copied: kind == "file-private"
        }
    }
}
