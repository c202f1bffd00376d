internal import HMMMemory
internal import HMMProtocol

extension Engine {
    /// Begins a request: answers it, or leaves it paused.
    @inline(__always)
    mutating func start(_ request: Request, _ caller: Caller, _ now: Instant, _ effects: inout Effects) {
        if meter.countsRequests, let refusal = countRequest(request, now) { return effects.fail(caller, refusal) }
        // The two requests that have to cost next to nothing.
        switch request {
        case .ping: return effects.succeed(caller)
        case .fault(let fault): if quickFault(fault, caller, &effects) { return }
        default: break
        }
        startOther(request, caller, now, &effects)
    }

    @inline(never)
    private mutating func startOther(
        _ request: Request, _ caller: Caller, _ now: Instant, _ effects: inout Effects
    ) {
        do throws(Failure) {
            try checkRole(request, caller)
            try checkRoom(for: request)
            if restrictions.isAny { try checkRestrictions(request, caller) }
            if let operation = try begin(request, caller, now, &effects) { run(operation, now, &effects) }
        } catch {
            effects.fail(caller, error)
            if error.code == .internal { poison(error.text, &effects) }
        }
    }

    /// Checks a request and does it at once, or returns the operation that does it step by step. Nothing has changed
    /// when it throws.
    private mutating func begin(
        _ request: Request, _ caller: Caller, _ now: Instant, _ effects: inout Effects
    ) throws(Failure) -> Operation? {
        switch request {
        case .ack(let ack): acknowledge(caller.connection, caller.tag, ack, now, &effects)
        case .hello(let hello): greet(hello, caller, &effects)
        case .ping: effects.succeed(caller)
        case .help(let help): try explain(help, caller, &effects)
        case .limits: showLimits(caller, &effects)
        case .quota: showQuota(caller, now, &effects)
        case .pending: showPending(caller, now, &effects)
        case .quit:
            effects.succeed(caller)
            close(caller.connection, .quit)
        case .spaceCreate(let create): try createSpace(create, caller, &effects)
        case .maps(let maps): try showAreas(maps, caller, &effects)
        case .deviceCreate(let create): try createDevice(create, caller, &effects)
        case .deviceList: listDevices(caller, &effects)
        case .regionCreate(let create): try createRegion(create, caller, &effects)
        case .mirror(let create): try createMirror(create, caller, &effects)
        case .mirrorDrop(let drop): return try dropMirror(drop.mirror, caller, now, &effects)
        case .spaceDrop(let drop): return try operation(drop, caller)
        case .mmap(let mmap): return try operation(mmap, caller)
        case .munmap(let munmap): return try operation(munmap, caller)
        case .mprotect(let mprotect): return try operation(mprotect, caller)
        case .read(let read): return try operation(read, caller)
        case .write(let write): return try operation(write, caller)
        case .fault(let fault): return try operation(fault, caller)
        case .snapshot(let snapshot): return try operation(snapshot, caller)
        case .deviceRead(let read): return try operation(read, caller)
        case .deviceWrite(let write): return try operation(write, caller)
        case .migrate(let migrate): return try operation(migrate, caller)
        default: return try beginMore(request, caller, now, &effects)
        }
        return nil
    }

    private mutating func beginMore(
        _ request: Request, _ caller: Caller, _ now: Instant, _ effects: inout Effects
    ) throws(Failure) -> Operation? {
        switch request {
        case .check: return checking(for: caller)
        case .config(let config): configure(config, caller, &effects)
        case .record(let recorder): try record(recorder, caller, &effects)
        case .auth: throw Failure(.state, "this connection has a tenant already")
        case .inject(let inject): try self.inject(inject, caller, &effects)
        case .toRAM(let toRAM): return try operation(toRAM, caller)
        case .mirrorRegister(let register): try registerMirror(register, caller, &effects)
        case .mirrorUnregister(let drop): return try dropMirror(drop.mirror, caller, now, &effects)
        case .getPfns(let get): return try operation(get, caller)
        case .vmaFault(let fault): return try operation(fault, caller)
        case .rangeDone(let done): try endRange(done, caller, &effects)
        case .devmemAdd(let add): try addMemory(add, caller, &effects)
        case .devmemAddResource(let add): try addResource(add, caller, &effects)
        case .umbrellaNew(let new): try makeUmbrella(new, caller, &effects)
        case .umbrellaPut(let put): try putUmbrella(put, caller, &effects)
        case .migrateVma(let migrate): return try operation(migrate, caller)
        case .pagemap(let pagemap): return try operation(pagemap, caller)
        case .unpin(let unpin): return try operation(unpin, caller)
        case .fileCreate(let create): return try createFile(create, caller, &effects)
        case .fileRead(let read): return try operation(read, caller)
        case .fileWrite(let write): return try operation(write, caller)
        case .fileRemove(let remove): return try operation(remove, caller)
        case .fileList: listFiles(caller, &effects)
        case .exclusiveHeld(let held): return try operation(held, caller)
        case .spaceFork(let fork): return try operation(fork, caller)
        case .spaceReap(let reap): return try operation(reap, caller)
        case .mremap(let mremap): return try operation(mremap, caller)
        case .madvise(let madvise): return try operation(madvise, caller)
        case .pin(let pin): return try operation(pin, caller)
        case .fileTruncate(let truncate): return try operation(truncate, caller)
        case .faultPages(let fault):
            try fault.checkPages()
            return try operation(fault.fault, caller, pages: fault.pages)
        case .migrateBegin(let begin): return try operation(begin, caller)
        case .migrateCopy(let copy): return try operation(copy, caller)
        case .migrateFinish(let finish): return try operation(finish, caller)
        case .migrateAbort(let abort): return try operation(abort, caller)
        case .deviceMigrate(let migrate): return try operation(migrate, caller)
        case .exclusive(let exclusive): return try operation(exclusive, caller)
        case .evict(let evict): return try operation(evict, caller)
        case .regionRemove(let remove): return try operation(remove, caller)
        case .deviceRemove(let remove): return try operation(remove, caller)
        default: throw Failure(.internal, "no way to begin `\(request.name.spec.name)`")
        }
        return nil
    }

    /// Answers an operation whose work is done.
    mutating func finish(_ operation: borrowing Operation, _ now: Instant, _ effects: inout Effects) {
        let caller = operation.caller
        do throws(Failure) {
            try complete(operation, now, &effects)
        } catch {
            return effects.fail(caller, error, unlessGoneFrom: self)
        }
        let start = effects.text.count
        do throws(Failure) {
            // The caller may have gone while it waited; what it asked for is done all the same.
            guard sessions.contains(caller.connection) else { return finishUnheard(operation, now, &effects) }
            try answer(operation, &effects)
        } catch {
            effects.text.truncate(to: start)
            effects.fail(caller, error, unlessGoneFrom: self)
        }
    }

    /// What ends with the work, whoever hears of it.
    private mutating func complete(
        _ operation: borrowing Operation, _ now: Instant, _ effects: inout Effects
    ) throws(Failure) {
        switch operation.work {
        case .exit(let exit): forget(exit.space)
        case .fork(let fork): adopt(fork)
        case .evict(let eviction, let purpose): try complete(eviction.value, purpose, now, &effects)
        case .pin(let pinning): if let pin = pinning.pin { pinOwners.append(operation.caller.connection, id: pin) }
        case .stage(_, let id?), .rollBack(_, let id?): close(id)
        case .copy(let staged, let id): keep(staged.value, id)
        case .fileCreate(let pages, let name): fileNames.append((name, pages.file))
        case .migrate(_, .callback(let waiting, let asked)): resumeConsulted(waiting, asked, now, &effects)
        default: break
        }
    }

    private mutating func answer(_ operation: borrowing Operation, _ effects: inout Effects) throws(Failure) {
        let caller = operation.caller
        switch operation.work {
        case .load(_, let read): try answer(read, operation.bulk, caller, &effects)
        case .store(_, let write): answer(write, caller, &effects)
        case .sweep(let sweep): try answer(sweep.value, caller, &effects)
        case .fault(let fault): try answerRows(fault.mirror, fault.pages, caller, &effects)
        case .legacy(let fault, let look): try answerLegacy(fault.value, look.value, caller, &effects)
        case .snapshot(let look): try answer(look, caller, &effects)
        case .pagemap(let look): try answer(look, caller, &effects)
        case .exclusiveHeld(let count): answer(count, caller, &effects)
        case .deviceLoad(let access, let read): try answer(read, access, operation.bulk, caller, &effects)
        case .deviceStore(let access, let write): answer(write, access, caller, &effects)
        case .unmap(let unmapping): answerPages(unmapping.freed, operation, &effects)
        case .protect(let change): answerPages(change.changed, operation, &effects)
        case .exit(let exit): answerPages(exit.freed, operation, &effects)
        case .advise(let change): answerPages(change.changed, operation, &effects)
        case .exclusive(let access): answerPages(access.pages.count, operation, &effects)
        case .map(let mapping, let mmap): answer(mapping.value, mmap, operation, &effects)
        case .remap(let remapping): answer(remapping.value, operation, &effects)
        case .fork(let fork): answer(fork, operation, &effects)
        case .reap(let reaping): answer(reaping.value, operation, &effects)
        case .migrate(let migration, let kind): answer(migration.value, kind, operation, &effects)
        case .pin(let pinning): answer(pinning.value, operation, &effects)
        case .unpin(let unpinning): answer(unpinning, caller, &effects)
        case .cut(let cut): answer(cut.value, operation, &effects)
        case .fileLoad(let file, let count, let read): try answer(read, file, count, operation.bulk, caller, &effects)
        case .fileStore(let pages, _): answerStored(pages.length, caller, &effects)
        case .fileCreate(let pages, let name): answerFile(name, pages.file, caller, &effects)
        case .fileRemove: effects.succeed(caller)
        case .evict(let eviction, let purpose): answer(eviction.value, purpose, operation, &effects)
        case .stage(let staged, nil): answerBegin(staged.value, open(staged.value, operation), operation, &effects)
        case .idle: break
        case .check(let check): answer(check.value, caller, &effects)
        case .rollBack(let staged, _): answerAbort(staged.value, caller, &effects)
        case .copy(let staged, _): answerCopy(staged.value, caller, &effects)
        case .stage(let staged, _): answerFinish(staged.value, operation, &effects)
        }
    }

    /// Nobody waits for the answer: gives up what only the caller could have used.
    private mutating func finishUnheard(
        _ operation: borrowing Operation, _ now: Instant, _ effects: inout Effects
    ) {
        switch operation.work {
        case .fork(let fork): if let child = fork.child { drop(unknown: child, operation.caller, now, &effects) }
        case .stage(let staged, nil): giveUp(staged.value, nil, now, &effects)
        case .pin: releasePins(of: operation.caller.connection, now, &effects)
        case .check(let check): if let violation = check.found.first { poison(violation, &effects) }
        default: break
        }
    }

    /// Answers an operation that cannot go on.
    mutating func fail(
        _ operation: inout Operation, _ fault: MemoryFault, _ now: Instant, _ effects: inout Effects
    ) {
        effects.fail(operation.caller, failure(fault, operation.work), unlessGoneFrom: self)
        undo(&operation, now, &effects)
        if case .migrate(_, .callback(let waiting, let asked)) = operation.work {
            resumeConsulted(waiting, asked, now, &effects)
        }
    }

    /// An operation has failed, whatever the reason: what is half done is undone, and what its driver does all the same
    /// is done, before anything else happens.
    mutating func undo(_ operation: inout Operation, _ now: Instant, _ effects: inout Effects) {
        operation.abandon(&machine)
        switch operation.work {
        case .deviceStore(let access, let write): storeServed(write, access, now, &effects)
        case .stage(let staged, let id): giveUp(staged.value, id, now, &effects)
        case .fileCreate(let pages, _): machine.forgetName(pages.file)
        default: break
        }
        freeUnusedFiles(now, &effects)
    }

    /// What a fault of memory is on the wire.
    func failure(_ fault: MemoryFault, _ work: borrowing Operation.Work) -> Failure {
        let address = fault.page.address
        switch fault.cause {
        case .notMapped:
            return Failure(.notMapped, "no usable area there", errno: errnoForHole(work), address: address)
        case .notWritable:
            return Failure(
                .permission, "the area is not writable", errno: errnoForReadOnly(work), address: address)
        case .beyondEnd: return Failure(.busError, "the page lies beyond the end of its file", address: address)
        case .wrongKind: return wrongKind(copy work, address)
        case .notExclusive:
            return Failure(.notExclusive, "the page cannot be had by one device alone", address: address)
        case .stayed: return Failure(.stayed, "a page did not move", address: address)
        case .pinned: return busy("a page cannot move: someone does I/O on it")
        case .refused: return refused(copy work)
        case .readOnlyOnDevice:
            return Failure(
                .permission, "the page is read-only in the device's own memory; a device fault does not change that",
                errno: .EFAULT, address: address)
        case .limit: return overFrames(at: isOfFile(work) ? nil : address)
        case .gone:
            if let id = mirror(of: work), let index = subscriptions.index(of: id), subscriptions[index].isFenced {
                return fencedFailure(id.rawValue)
            }
            return Failure(.cancelled, "what the request worked on was dropped meanwhile", address: address)
        }
    }

    /// Its pages are numbers in a file, not addresses.
    private func isOfFile(_ work: borrowing Operation.Work) -> Bool {
        switch work {
        case .fileLoad, .fileStore, .fileCreate, .cut: true
        default: false
        }
    }

    /// The mirror that the work is for.
    private func mirror(of work: borrowing Operation.Work) -> MirrorID? {
        switch work {
        case .fault(let fault): fault.mirror
        case .snapshot(let look): look.mirror
        case .deviceLoad(let access, _), .deviceStore(let access, _): access.mirror
        case .exclusive(let access): access.mirror
        case .migrate(_, .driver(let mirror)): mirror
        case .stage(let staged, _): staged.mirror
        default: nil
        }
    }

    /// The kernel's errno for a hole depends on the call.
    private func errnoForHole(_ work: borrowing Operation.Work) -> Errno {
        switch work {
        case .protect, .advise: .ENOMEM
        case .migrate, .stage: .EINVAL
        default: .EFAULT
        }
    }

    private func errnoForReadOnly(_ work: borrowing Operation.Work) -> Errno? {
        switch work {
        case .advise: .EACCES
        default: nil
        }
    }

    private func refused(_ work: Operation.Work) -> Failure {
        let refusal: MappingRefusal?
        switch work {
        case .map(let mapping, _): refusal = mapping.refusal
        case .remap(let remapping): refusal = remapping.refusal
        default: refusal = nil
        }
        guard let refusal else { return Failure(.internal, "refused without a reason") }
        return failure(refusal)
    }

    private func wrongKind(_ work: Operation.Work, _ address: UInt64) -> Failure {
        switch work {
        case .advise:
            Failure(
                .advice, "this advice does not go with this memory, or with its permissions", address: address)
        case .migrate, .stage:
            Failure(.notMapped, "memory of this kind cannot move", errno: .EINVAL, address: address)
        case .remap:
            Failure(
                .badArgument, "the places overlap, huge pages do not fit, or what is not shared cannot be mapped twice",
                address: address)
        case .unmap, .protect, .map:
            Failure(.badArgument, "that would cut a huge page of the reserve", address: address)
        default: Failure(.notMapped, "memory of this kind cannot be used like that", address: address)
        }
    }

    private func answerPages(_ pages: UInt64, _ operation: borrowing Operation, _ effects: inout Effects) {
        effects.answer(operation.caller)
        effects.text.beginSuccess(operation.caller.tag)
        effects.text.pair(" pages=", pages)
        appendRound(operation, &effects)
        effects.text.endLine()
    }

    /// How the invalidations of an operation went.
    func appendRound(_ operation: borrowing Operation, _ effects: inout Effects) {
        effects.text.pair(" acked=", operation.acked)
        effects.text.pair(" fenced=", operation.fenced)
        if let index = machine.spaces.index(of: operation.space) {
            effects.text.pair(" seq=", machine.spaces[index].sequence)
        }
    }
}
