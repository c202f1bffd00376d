import HMMEngine
import HMMProtocol

/// Requests that fail: whether they had to, and what they have done before.
extension Judge {
    mutating func failed(_ request: Request, _ answer: Answer) throws(Violation) {
        switch answer.code ?? "" {
        case "NOMAP", "PERM", "BUSERR", "ADVICE", "BADARG", "NOSPACE", "EXISTS": try refused(request, answer)
        case "LIMIT", "TIMEOUT", "CANCELLED", "FENCED", "EXITED", "BUSY": forget(request, failed: true)
        // It has not begun, or touches no bytes.
        default: break
        }
    }

    /// The memory is not such that it can be done.
    private mutating func refused(_ request: Request, _ answer: Answer) throws(Violation) {
        switch request {
        case .mmap(let map): try refusedMapping(map, answer)
        case .munmap(let unmap):
            guard isKnown(unmap.space, Self.pages(unmap.extent)) else { return }
            let cut = memory.spaces[unmap.space]?.reservedCut(Self.pages(unmap.extent))
            try expect(cut.map { MemoryModel.Refusal(code: "BADARG", page: $0) }, answer, "munmap")
        case .mprotect(let protect):
            let (space, range) = (protect.space, Self.pages(protect.extent))
            guard isKnown(space, range) else { return forget(request, failed: true) }
            let rights = SpaceModel.Rights(rawValue: protect.protection.rawValue & 3)
            try expect(memory.protect(space, range, rights), answer, "mprotect")
        case .madvise(let advise):
            let (space, range) = (advise.space, Self.pages(advise.extent))
            guard advise.advice != .collapse, isKnown(space, range) else { return forget(request, failed: true) }
            try expect(memory.advise(space, range, advise.advice.word), answer, "madvise \(advise.advice.word)")
        case .mremap(let remap): try refusedMove(remap, answer)
        default: try refusedAccess(request, answer)
        }
    }

    private func refusedMapping(_ map: Mmap, _ answer: Answer) throws(Violation) {
        guard answer.code == "EXISTS", let va = map.va, let model = memory.spaces[map.space] else { return }
        let range = Self.pages(va, map.length)
        guard range.count <= 4096, !isMurky(map.space, range) else { return }
        try expect(
            !map.fixed && range.contains { model.pages[$0] != nil },
            "`mmap` is refused with EXISTS, and nothing is mapped there")
    }

    /// What comes before the move itself has been done all the same.
    private mutating func refusedMove(_ remap: Mremap, _ answer: Answer) throws(Violation) {
        let move = move(remap)
        let target = move.target.map { $0..<$0 + move.count } ?? move.old
        guard isKnown(remap.space, move.old), isKnown(remap.space, target) else {
            return forget(.mremap(remap), failed: true)
        }
        var after = memory
        let isHuge = memory.spaces[remap.space]?.pages[move.old.lowerBound]?.backing == .hugetlb
        if let refusal = after.prepare(remap.space, move) {
            memory = after
            return try expect(refusal, answer, "mremap")
        }
        // One mapping or several alike: that depends on how they came to be.
        let mayDiffer = answer.code == "NOMAP" && move.kept.count > 1
        let refusal = after.refusal(remap.space, move)
        memory = after
        // Somebody may have taken the room in which it was to grow, and there may be none elsewhere.
        guard !isHuge, !mayDiffer, answer.code != "NOSPACE" else { return }
        try expect(
            refusal?.code == answer.code,
            "`mremap` is answered with \(answer.code ?? ""), expected \(refusal.map { "\($0)" } ?? "success")")
    }

    // MARK: Accesses

    private mutating func refusedAccess(_ request: Request, _ answer: Answer) throws(Violation) {
        switch request {
        case .read(let read) where !read.each:
            try refusedAccess(read.space, Self.pages(read.extent), answer, "read") { $0.rights != [] }
        case .write(let write) where !write.each && answer.code != "BADARG":
            let length = write.length ?? UInt64(write.data.count)
            try refusedAccess(write.space, Self.pages(write.va, length), answer, "write") { $0.isWritable }
        case .fault(let fault): try refusedDevice(fault.mirror, needs(fault, nil), fault.extent, answer)
        case .faultPages(let fault):
            try refusedDevice(fault.fault.mirror, needs(fault.fault, fault.pages), fault.fault.extent, answer)
        case .deviceWrite: forget(request, failed: true)
        default: break
        }
    }

    /// Refused at the first page that is not fit, or else at the first beyond the end of its file.
    private func refusedAccess(
        _ space: UInt32, _ pages: Range<UInt64>, _ answer: Answer, _ what: String, _ isFit: (SpaceModel.Page) -> Bool
    ) throws(Violation) {
        guard isKnown(space, pages), let model = memory.spaces[space], answer.code != "BADARG" else { return }
        var refusal = pages.first { model.pages[$0].map(memory.isBeyondEnd) ?? false }
            .map { MemoryModel.Refusal(code: "BUSERR", errno: "EFAULT", page: $0) }
        if let gap = model.first(in: pages, unless: { isFit($0) && $0.backing != .io }) {
            let isThere = model.pages[gap].map { $0.rights != [] && $0.backing != .io } ?? false
            refusal = MemoryModel.Refusal(
                code: isThere ? "PERM" : "NOMAP", errno: isThere ? "EPERM" : "EFAULT", page: gap)
        }
        try expect(refusal, answer, what)
    }

    /// A device is refused where there is no right to read, or to write when it wants that, or no file any more.
    private func refusedDevice(
        _ mirror: UInt32, _ needs: [Need], _ extent: Extent, _ answer: Answer
    ) throws(Violation) {
        let pages = Self.pages(extent)
        guard let space = mirrors[mirror]?.space, isKnown(space, pages), let model = memory.spaces[space],
            answer.code != "BADARG"
        else { return }
        let hole = pages.first {
            needs[Int($0 - pages.lowerBound)] != .nothing && !(model.pages[$0]?.isReadable ?? false)
        }
        guard let number = answer.page, pages.contains(number) else {
            throw Violation(.data, "a device is refused, and not told where")
        }
        let page = model.pages[number]
        let wantsWrite = needs.contains(.write)
        let isRight =
            switch (answer.code, answer.failure?.errno) {
            case ("NOMAP", "EFAULT"): number == hole
            case ("BUSERR", "EFAULT"): page.map(memory.isBeyondEnd) ?? false && number < hole ?? UInt64.max
            case ("PERM", "EPERM"): wantsWrite && page?.rights == .read && number < hole ?? UInt64.max
            case ("PERM", "EFAULT"): wantsWrite && page?.isReadable ?? false
            default: false
            }
        try expect(isRight, "a device is refused with \(answer.code ?? "") at page 0x\(String(number, radix: 16))")
    }
}
