internal import HMMMemory
internal import HMMProtocol

/// What changes areas of an address space: `mmap`, `munmap`, `mprotect`, `mremap`, `madvise`; and `maps`.
extension Engine {
    mutating func operation(_ mmap: Mmap, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(mmap.space)
        let plan = try plan(mmap)
        let operation = Operation(
            caller: caller, verb: .mmap, space: space,
            work: .map(Boxed(Mapping(space, plan, areaLimit: limits.areas)), mmap))
        try checkAreas(operation)
        if mmap.kind == .device {
            guard plan.count <= 65536 else { throw Failure(.badArgument, "a device's file has at most 65536 pages") }
        }
        return operation
    }

    private func plan(_ mmap: Mmap) throws(Failure) -> MappingPlan {
        let kind: Area.Kind
        var file: FileID?
        var isShared = false
        switch mmap.kind {
        case .anonPrivate: kind = .anonymous
        case .anonShared: (kind, isShared) = (.file, true)
        case .filePrivate, .fileShared:
            kind = .file
            isShared = mmap.kind == .fileShared
            file = try self.file(mmap.file)
        case .hugetlb: kind = .hugetlb
        case .io: kind = .io
        case .device:
            kind = .device
            _ = try device(mmap.file)
        }
        return MappingPlan(
            at: mmap.va.map { Page(containing: $0) }, count: PageRange(touching: 0, length: mmap.length).count,
            Protection(rawValue: mmap.protection.rawValue), kind, shared: isShared, file: file,
            offset: mmap.offset >> PageSize.shift, replaces: mmap.fixed)
    }

    func answer(
        _ mapping: Mapping, _ mmap: Mmap, _ operation: borrowing Operation, _ effects: inout Effects
    ) {
        let caller = operation.caller
        guard let range = mapping.range else { return }
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" va=", hex: range.start.address)
        effects.text.pair(" len=", range.length)
        append(mapping.plan.protection, &effects.text)
        effects.text.append(" kind=")
        effects.text.append(text: mmap.kind.word)
        if mmap.fixed { appendRound(operation, &effects) }
        effects.text.endLine()
    }

    func failure(_ refusal: MappingRefusal) -> Failure {
        switch refusal {
        case .taken(let page): Failure(.exists, "something is mapped there", address: page.address)
        case .tooLow: Failure(.permission, "nothing may be mapped below 0x10000")
        case .noGap: Failure(.outOfMemory, "no gap in the address space is large enough")
        case .tooManyAreas: Failure(.limit, "the address space has \(limits.areas) areas already")
        case .noHugePages:
            Failure(.outOfMemory, "the reserve has \(limits.hugetlbPages) huge pages, and fewer are left")
        case .noFrames: overFrames()
        case .noFile: Failure(.cancelled, "the file was removed meanwhile")
        case .unaligned: Failure(.badArgument, "huge pages of the reserve begin at multiples of 2 MiB")
        case .noSpace: Failure(.cancelled, "the address space was dropped meanwhile")
        }
    }

    func append(_ protection: Protection, _ text: inout WireBuffer) {
        text.append(" prot=")
        if protection.isEmpty { text.append("none") }
        if protection.contains(.read) { text.append("r") }
        if protection.contains(.write) { text.append("w") }
        if protection.contains(.execute) { text.append("x") }
    }

    mutating func operation(_ munmap: Munmap, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(munmap.space)
        let range = PageRange(touching: munmap.extent.va, length: munmap.extent.length)
        let operation = Operation(
            caller: caller, verb: .munmap, space: space, work: .unmap(Unmapping(space, range)))
        try checkAreas(operation)
        return operation
    }

    mutating func operation(_ mprotect: Mprotect, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(mprotect.space)
        let range = PageRange(touching: mprotect.extent.va, length: mprotect.extent.length)
        let protection = Protection(rawValue: mprotect.protection.rawValue)
        let operation = Operation(
            caller: caller, verb: .mprotect, space: space, work: .protect(ProtectionChange(space, range, protection)))
        try checkAreas(operation)
        return operation
    }

    mutating func operation(_ mremap: Mremap, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(mremap.space)
        let old = PageRange(touching: mremap.va, length: mremap.length)
        let count = mremap.newLength.map { PageRange(touching: 0, length: $0).count } ?? old.count
        let operation = Operation(
            caller: caller, verb: .mremap, space: space,
            work: .remap(
                Boxed(
                    Remapping(
                        space, old, count: count, to: mremap.to.map { Page(containing: $0) }, mayMove: mremap.mayMove,
                        keepsOld: mremap.dontUnmap, areaLimit: limits.areas))))
        try checkAreas(operation)
        return operation
    }

    func answer(_ remapping: Remapping, _ operation: borrowing Operation, _ effects: inout Effects) {
        guard let range = remapping.range else { return }
        effects.answer(operation.caller)
        effects.text.beginSuccess(operation.caller.tag)
        effects.text.pair(" va=", hex: range.start.address)
        effects.text.pair(" len=", range.length)
        appendRound(operation, &effects)
        effects.text.endLine()
    }

    mutating func operation(_ madvise: Madvise, _ caller: Caller) throws(Failure) -> Operation {
        let space = try space(madvise.space)
        let range = PageRange(touching: madvise.extent.va, length: madvise.extent.length)
        guard let advice = MemoryAdvice(rawValue: madvise.advice.rawValue) else {
            throw Failure(.badArgument, "unknown advice")
        }
        guard advice != .populateRead && advice != .populateWrite || madvise.extent.length <= limits.residentBytes
        else {
            throw Failure(.limit, "one request populates at most \(limits.residentBytes) bytes")
        }
        let operation = Operation(
            caller: caller, verb: .madvise, space: space, work: .advise(Boxed(AdviceChange(space, range, advice))))
        try checkAreas(operation)
        return operation
    }

    // MARK: maps

    mutating func showAreas(_ maps: Maps, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        let space = try space(maps.space)
        guard let index = machine.spaces.index(of: space) else { return }
        let areas = machine.spaces[index].areas.areas
        effects.answer(caller)
        guard areas.count * 128 <= limits.answerBytes,
            rows(areas, &effects, { engine, area, text in engine.show(area, caller.tag, &text) })
        else { throw Failure(.limit, "\(areas.count) areas do not fit in one answer") }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" rows=", UInt64(areas.count))
        effects.text.pair(" resident=", machine.spaces[index].resident)
        effects.text.endLine()
    }

    private func show(_ area: Area, _ tag: Tag, _ text: inout WireBuffer) {
        text.beginRow(tag)
        text.pair(" va=", hex: area.range.start.address)
        text.pair(" len=", area.range.length)
        append(area.protection, &text)
        let name = area.file.flatMap { file in fileNames.first { $0.id == file }?.name }
        let isAnonymous =
            area.file.flatMap { machine.files.index(of: $0) }.map { machine.files[$0].isAnonymous } ?? true
        text.pair(" kind=", word: area.kindWord(isNamed: !isAnonymous))
        if let name {
            text.pair(" file=", name)
            text.pair(" offset=", area.offset << PageSize.shift)
        }
        if !area.advice.isEmpty { show(area.advice, &text) }
        text.endLine()
    }

    private func show(_ advice: Area.Advice, _ text: inout WireBuffer) {
        var separator: StaticString = " flags="
        for (flag, word) in Area.Advice.words where advice.contains(flag) {
            text.append(separator)
            text.append(word)
            separator = ","
        }
    }
}

extension Area {
    fileprivate func kindWord(isNamed: Bool) -> StaticString {
        switch kind {
        case .anonymous: "anon-private"
        case .file: isShared ? (isNamed ? "file-shared" : "anon-shared") : "file-private"
        case .hugetlb: "hugetlb"
        case .device: "device"
        case .io: "io"
        }
    }
}

extension Area.Advice {
    fileprivate static let words: [(Area.Advice, StaticString)] = [
        (.hugePage, "hugepage"), (.noHugePage, "nohugepage"), (.dontFork, "dontfork"), (.wipeOnFork, "wipeonfork"),
    ]
}
