import HMMEngine
import HMMProtocol

/// What is in memory: every answer against a model without page tables.
extension Judge {
    static let everything: Range<UInt64> = 0..<Extent.end >> 12

    static func pages(_ extent: Extent) -> Range<UInt64> { pages(extent.va, extent.length) }

    static func pages(_ va: UInt64, _ length: UInt64) -> Range<UInt64> { va >> 12..<(va + length + 4095) >> 12 }

    func isMurky(_ space: UInt32, _ pages: Range<UInt64>) -> Bool {
        guard let known = murky[space], !known.isEmpty else { return false }
        return pages.count > known.count ? known.contains(where: pages.contains) : pages.contains(where: known.contains)
    }

    mutating func blur(_ space: UInt32, _ pages: Range<UInt64>) {
        guard memory.spaces[space] != nil else { return }
        guard pages.count <= 4096 else { return lose(space) }
        murky[space, default: []].formUnion(pages)
    }

    private mutating func clear(_ space: UInt32, _ pages: Range<UInt64>) {
        guard murky[space] != nil else { return }
        if pages.count > 4096 {
            murky[space] = murky[space]?.filter { !pages.contains($0) }
        } else {
            murky[space]?.subtract(pages)
        }
    }

    /// Nothing is known of an address space any more.
    mutating func lose(_ space: UInt32) {
        memory.spaces[space] = nil
        murky[space] = nil
    }

    /// The bytes of a page, where they are known.
    func known(_ space: UInt32, _ page: UInt64) -> [UInt8]? {
        guard !isMurky(space, page..<page + 1) else { return nil }
        return memory.spaces[space]?.pages[page].flatMap(memory.known)
    }

    /// What is mapped at these pages is known, and where the files behind them end.
    func isKnown(_ space: UInt32, _ pages: Range<UInt64>) -> Bool {
        guard let model = memory.spaces[space], pages.count <= 4096, !isMurky(space, pages) else { return false }
        return !pages.contains { model.pages[$0].map(memory.isLost) ?? false }
    }

    func expect(_ isRight: Bool, _ what: @autoclosure () -> String) throws(Violation) {
        if !isRight { throw Violation(.data, what()) }
    }

    /// An answer is the refusal that the model gives, or success.
    func expect(_ refusal: MemoryModel.Refusal?, _ answer: Answer, _ what: String) throws(Violation) {
        let isRight =
            answer.code == refusal?.code && (refusal?.errno == nil || answer.failure?.errno == refusal?.errno)
            && (refusal?.page == nil || answer.page == refusal?.page)
        try expect(
            isRight,
            "`\(what)` is answered with \(answer.code ?? "success"), expected \(refusal.map { "\($0)" } ?? "success")")
    }

    // MARK: Answers

    mutating func settle(
        _ request: Request, _ answer: Answer, _ connection: ConnectionID, _ now: UInt64
    ) throws(Violation) {
        guard answer.code == nil else {
            if answer.isRefused { goesOn(request, connection) }
            return try failed(request, answer)
        }
        switch request {
        case .hello(let hello):
            if hello.capabilities.contains(.quota), counterparts[connection]?.wantsQuota == false {
                counterparts[connection]?.wantsQuota = true
                counterparts[connection]?.isNewListener = true
            }
            if hello.capabilities.contains(.lease) { counterparts[connection]?.wantsLease = true }
        case .quit: counterparts[connection]?.ends.insert(.quit)
        case .spaceCreate(let create):
            memory.spaces[answer.id("mm")] = SpaceModel(policy: create.onExpiry.rawValue.description)
            policies[answer.id("mm")] = create.onExpiry
        case .spaceFork(let fork):
            memory.fork(fork.space, answer.id("mm"))
            murky[answer.id("mm")] = murky[fork.space]
            shared[answer.id("mm")] = shared[fork.space]
            policies[answer.id("mm")] = policies[fork.space]
        case .spaceDrop(let drop): lose(drop.space)
        case .spaceReap(let reap): reaped(reap.space, answer)
        case .deviceCreate(let create): if create.profile == .dmirror { testDrivers.insert("\(create.device)") }
        case .mirror(let mirror):
            mirrors[answer.id("mirror")] = MirrorFacts(
                connection: connection, space: mirror.space, range: Self.pages(mirror.extent),
                isOfTestDriver: testDrivers.contains("\(mirror.device)"), isLegacy: false,
                isAutomatic: mirror.acknowledgement == .automatic, sequence: answer.number("seq"))
        case .mirrorRegister(let mirror):
            mirrors[answer.id("mirror")] = MirrorFacts(
                connection: connection, space: mirror.space, range: Self.everything,
                isOfTestDriver: testDrivers.contains("\(mirror.device)"), isLegacy: true, isAutomatic: true, sequence: 0
            )
        case .mirrorDrop(let drop): try dropped(drop.mirror, connection)
        case .mirrorUnregister(let drop): try dropped(drop.mirror, connection)
        case .fault(let fault): try faulted(fault, nil, answer)
        case .faultPages(let fault): try faulted(fault.fault, fault.pages, answer)
        case .snapshot(let snapshot): try looked(snapshot, answer)
        case .migrate, .deviceMigrate, .migrateVma, .migrateFinish, .toRAM, .evict: try moved(request, answer)
        case .mmap, .munmap, .mremap, .mprotect, .madvise: try changed(request, answer)
        default: try accessed(request, answer)
        }
    }

    /// What was to end goes on.
    private mutating func goesOn(_ request: Request, _ connection: ConnectionID) {
        let mirror: UInt32? =
            switch request {
            case .mirrorDrop(let drop): drop.mirror
            case .mirrorUnregister(let drop): drop.mirror
            default: nil
            }
        if let mirror, mirrors[mirror]?.connection == connection { mirrors[mirror]?.endings -= 1 }
    }

    private mutating func dropped(_ mirror: UInt32, _ connection: ConnectionID) throws(Violation) {
        guard mirrors[mirror]?.connection ?? connection == connection else {
            throw Violation(.answers, "mirror \(mirror) is dropped by another connection")
        }
        mirrors[mirror] = nil
        counterparts[connection]?.open.removeAll { $0.mirror == mirror }
    }

    func sequence(_ id: UInt32, _ answer: Answer) throws(Violation) {
        guard let mirror = mirrors[id], !mirror.isLegacy, let sequence = answer.pairs["seq"]?.number else { return }
        guard sequence == mirror.sequence else {
            throw Violation(.sequence, "seq=\(sequence) in an answer, the last event had \(mirror.sequence)")
        }
    }

    // MARK: Areas

    private mutating func changed(_ request: Request, _ answer: Answer) throws(Violation) {
        switch request {
        case .mmap(let map): try mapped(map, answer)
        case .munmap(let unmap):
            let range = Self.pages(unmap.extent)
            guard range.count <= 4096 else { return lose(unmap.space) }
            memory.spaces[unmap.space]?.unmap(range)
            clear(unmap.space, range)
        case .mprotect(let protect):
            let (space, range) = (protect.space, Self.pages(protect.extent))
            let rights = SpaceModel.Rights(rawValue: protect.protection.rawValue & 3)
            guard isKnown(space, range) else {
                // All of it is mapped, and what is known of that stays so.
                for page in range { memory.spaces[space]?.pages[page]?.rights = rights }
                return
            }
            try expect(memory.protect(space, range, rights), answer, "mprotect")
        case .madvise(let advise): try advised(advise, answer)
        case .mremap(let remap): moved(remap, answer)
        default: break
        }
    }

    private mutating func mapped(_ map: Mmap, _ answer: Answer) throws(Violation) {
        let range = Self.pages(answer.number("va"), answer.number("len"))
        guard let model = memory.spaces[map.space] else { return }
        guard range.count <= 4096 else { return lose(map.space) }
        try expect(map.va.map { $0 >> 12 == range.lowerBound } ?? true, "`mmap` maps at another place than it was told")
        if !map.fixed, !isMurky(map.space, range) {
            try expect(!range.contains { model.pages[$0] != nil }, "`mmap` maps over something")
        }
        let plan = plan(map)
        memory.map(map.space, range, plan)
        clear(map.space, range)
        if case .shared(let file, _)? = memory.spaces[map.space]?.pages[range.lowerBound]?.backing {
            shared[map.space, default: []].insert(file)
        }
    }

    private mutating func advised(_ advise: Madvise, _ answer: Answer) throws(Violation) {
        let (space, range) = (advise.space, Self.pages(advise.extent))
        guard range.count <= 4096 else { return lose(space) }
        let isKnown = isKnown(space, range)
        let refusal = memory.advise(space, range, advise.advice.word)
        if advise.advice == .remove, !isKnown { fadeShared(space) }
        blurHuge(space, range)
        if isKnown, advise.advice != .collapse { try expect(refusal, answer, "madvise \(advise.advice.word)") }
    }

    /// Pages of the reserve are not followed.
    private mutating func blurHuge(_ space: UInt32, _ pages: Range<UInt64>) {
        if pages.contains(where: { memory.spaces[space]?.pages[$0]?.backing == .hugetlb }) { blur(space, pages) }
    }

    private func plan(_ map: Mmap) -> MemoryModel.Plan {
        var plan = MemoryModel.Plan(
            kind: map.kind.word, rights: SpaceModel.Rights(rawValue: map.protection.rawValue & 3))
        // It may have lost its name while the request waited.
        plan.file = memory.everyName["\(map.file)"]
        plan.offset = map.offset >> 12
        return plan
    }

    func move(_ remap: Mremap) -> MemoryModel.Move {
        let asked = remap.length == 0 ? remap.va >> 12..<remap.va >> 12 : Self.pages(remap.va, remap.length)
        return memory.whole(
            remap.space,
            MemoryModel.Move(
                old: asked, count: remap.newLength.map { ($0 + 4095) >> 12 } ?? UInt64(asked.count),
                target: remap.to.map { $0 >> 12 }, keepsOld: remap.dontUnmap, mayMove: remap.mayMove))
    }

    private mutating func moved(_ remap: Mremap, _ answer: Answer) {
        let move = move(remap)
        let (old, count) = (move.old, move.count)
        let start = answer.number("va") >> 12
        guard old.count <= 4096, count <= 4096 else { return lose(remap.space) }
        let isBlurred = isMurky(remap.space, old) || old.isEmpty && isMurky(remap.space, old.lowerBound..<start)
        clear(remap.space, start..<start + count)
        guard memory.prepare(remap.space, move) == nil else { return blur(remap.space, start..<start + count) }
        memory.remap(remap.space, move, to: start)
        if isBlurred || memory.spaces[remap.space]?.pages[start] == nil {
            blur(remap.space, old)
            blur(remap.space, start..<start + count)
        }
    }

    /// Private memory has gone where nobody had to be waited for, which the rows say.
    private mutating func reaped(_ space: UInt32, _ answer: Answer) {
        if answer.rows.isEmpty { fadePrivate(space) }
        for row in answer.rows where row["result"]?.text == "reaped" {
            guard let va = row["va"]?.number, let length = row["len"]?.number else { continue }
            for page in Self.pages(va, length) {
                guard let model = memory.spaces[space]?.pages[page], !model.isShared else { continue }
                memory.spaces[space]?.pages[page]?.bytes = nil
                memory.spaces[space]?.pages[page]?.isFaded = false
            }
        }
    }
}
