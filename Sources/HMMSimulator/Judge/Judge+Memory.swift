import HMMEngine
import HMMProtocol

/// What is in memory: every answer against a model without page tables. Whoever's end nobody heard, and whatever failed
/// half way, leaves pages of which nothing is known until they are mapped anew.
extension Judge {
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
    private mutating func lose(_ space: UInt32) {
        memory.spaces[space] = nil
        murky[space] = nil
    }

    /// The bytes of a page, where they are known.
    func known(_ space: UInt32, _ page: UInt64) -> [UInt8]? {
        guard !isMurky(space, page..<page + 1), let model = memory.spaces[space]?.pages[page] else { return nil }
        switch model.backing {
        case .anonymous: return memory.content(model)
        case .shared(let file, _): return murkyFiles.contains(file) ? nil : memory.content(model)
        // Of files' private copies nobody hears when they are made.
        case .copied, .hugetlb, .device, .io: return nil
        }
    }

    // MARK: Answers

    mutating func settle(
        _ request: Request, _ answer: Answer, _ connection: ConnectionID, _ now: UInt64
    ) throws(Violation) {
        guard answer.code == nil else {
            if hasEffectInPart(answer) { forget(request, failed: true) }
            if answer.isRefused { goesOn(request, connection) }
            return
        }
        switch request {
        case .hello(let hello):
            if hello.capabilities.contains(.quota), counterparts[connection]?.wantsQuota == false {
                counterparts[connection]?.wantsQuota = true
                counterparts[connection]?.isNewListener = true
            }
        case .spaceCreate(let create):
            memory.spaces[answer.id("mm")] = SpaceModel(policy: create.onExpiry.rawValue.description)
            policies[answer.id("mm")] = create.onExpiry
        case .spaceFork(let fork):
            memory.fork(fork.space, answer.id("mm"))
            murky[answer.id("mm")] = murky[fork.space]
            policies[answer.id("mm")] = policies[fork.space]
        case .spaceDrop(let drop): lose(drop.space)
        case .spaceReap(let reap): reaped(reap.space)
        case .mirror(let mirror):
            mirrors[answer.id("mirror")] = MirrorFacts(
                connection: connection, space: mirror.space, isLegacy: false,
                isAutomatic: mirror.acknowledgement == .automatic, sequence: answer.number("seq"))
        case .mirrorRegister(let mirror):
            mirrors[answer.id("mirror")] = MirrorFacts(
                connection: connection, space: mirror.space, isLegacy: true, isAutomatic: true, sequence: 0)
        case .mirrorDrop(let drop): try dropped(drop.mirror, connection)
        case .mirrorUnregister(let drop): try dropped(drop.mirror, connection)
        case .fault(let fault): try sequence(fault.mirror, answer)
        case .faultPages(let fault): try sequence(fault.fault.mirror, answer)
        case .snapshot(let snapshot): try sequence(snapshot.mirror, answer)
        case .mmap, .munmap, .mremap, .mprotect, .madvise: changed(request, answer)
        default: try accessed(request, answer)
        }
    }

    /// A refusal that may come after something has been done. What is refused before that is refused for its form, its
    /// names or its place.
    private func hasEffectInPart(_ answer: Answer) -> Bool {
        switch answer.code ?? "" {
        case "SYNTAX", "NOVERB", "BADARG", "MISSING", "TOOLONG", "DENIED", "NOMM", "NOMIRROR", "NODEV", "NOREGION",
            "NOFILE", "NOPIN", "NOMIGRATION", "NORANGE", "NOEVENT", "EXISTS", "TAGBUSY", "BUSY", "GATED", "LICENCE",
            "STATE", "FENCED", "EXITED":
            answer.code == "BADARG" || answer.code == "BUSY"
        default: true
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

    private func sequence(_ id: UInt32, _ answer: Answer) throws(Violation) {
        guard let mirror = mirrors[id], !mirror.isLegacy, let sequence = answer.pairs["seq"]?.number else { return }
        guard sequence == mirror.sequence else {
            throw Violation(.sequence, "seq=\(sequence) in an answer, the last event had \(mirror.sequence)")
        }
    }

    // MARK: Areas

    private mutating func changed(_ request: Request, _ answer: Answer) {
        switch request {
        case .mmap(let map):
            let range = Self.pages(answer.number("va"), answer.number("len"))
            guard memory.spaces[map.space] != nil else { return }
            guard range.count <= 4096 else { return lose(map.space) }
            memory.map(map.space, range, plan(map))
            clear(map.space, range)
        case .munmap(let unmap):
            let range = Self.pages(unmap.extent)
            guard range.count <= 4096 else { return lose(unmap.space) }
            memory.spaces[unmap.space]?.unmap(range)
            clear(unmap.space, range)
        case .mprotect(let protect):
            _ = memory.protect(
                protect.space, Self.pages(protect.extent), SpaceModel.Rights(rawValue: protect.protection.rawValue & 3))
        case .madvise(let advise):
            _ = memory.advise(advise.space, Self.pages(advise.extent), advise.advice.word)
            if advise.advice == .remove, isMurky(advise.space, Self.pages(advise.extent)) { blurFiles() }
            blurHuge(advise.space, Self.pages(advise.extent))
        case .mremap(let remap): moved(remap, answer)
        default: break
        }
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

    private mutating func moved(_ remap: Mremap, _ answer: Answer) {
        let asked = remap.length == 0 ? remap.va >> 12..<remap.va >> 12 : Self.pages(remap.va, remap.length)
        let move = memory.whole(
            remap.space,
            MemoryModel.Move(
                old: asked, count: remap.newLength.map { ($0 + 4095) >> 12 } ?? UInt64(asked.count),
                target: remap.to.map { $0 >> 12 }, keepsOld: remap.dontUnmap, mayMove: remap.mayMove))
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

    /// Private memory has gone where nobody had to be waited for: which, is not followed.
    private mutating func reaped(_ space: UInt32) {
        for page in memory.spaces[space]?.pages.keys.sorted() ?? [] { murky[space, default: []].insert(page) }
    }

    /// Nobody knows what a request has done; if it has failed, at least nothing is at a place of its own choice.
    mutating func forget(_ request: Request, failed: Bool = false) {
        switch request {
        case .mmap(let map):
            guard let va = map.va else { return failed ? () : lose(map.space) }
            if !failed || map.fixed { blur(map.space, Self.pages(va, map.length)) }
        case .munmap(let unmap): blur(unmap.space, Self.pages(unmap.extent))
        case .mprotect(let protect): blur(protect.space, Self.pages(protect.extent))
        case .madvise(let advise):
            blur(advise.space, Self.pages(advise.extent))
            if advise.advice == .remove { blurFiles() }
        case .mremap(let remap):
            blur(remap.space, Self.pages(remap.va, max(remap.length, remap.newLength ?? 0) + 4096))
            guard let to = remap.to else { return failed ? () : lose(remap.space) }
            blur(remap.space, Self.pages(to, max(remap.length, remap.newLength ?? 0) + 4096))
        case .write(let write): stored(write.space, write.va, max(write.length ?? 0, UInt64(write.data.count)))
        case .deviceWrite(let write):
            guard let space = mirrors[write.mirror]?.space else { return }
            stored(space, write.va, max(write.length ?? 0, UInt64(write.data.count)))
        case .spaceReap(let reap): reaped(reap.space)
        case .spaceDrop(let drop): lose(drop.space)
        case .fileTruncate, .fileWrite, .fileRemove, .fileCreate: blurFiles()
        default: break
        }
    }

    /// What a store may have written, in files that are shared, too.
    private mutating func stored(_ space: UInt32, _ va: UInt64, _ length: UInt64) {
        let pages = Self.pages(va, length)
        guard memory.spaces[space] != nil, pages.count <= 4096 else { return blurFiles() }
        for page in pages {
            if case .shared(let file, _)? = memory.spaces[space]?.pages[page]?.backing { murkyFiles.insert(file) }
        }
        blur(space, pages)
    }

    mutating func blurFiles() { murkyFiles.formUnion(memory.files.keys) }
}
