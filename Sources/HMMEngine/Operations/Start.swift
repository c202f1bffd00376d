internal import HMMMemory
internal import HMMProtocol

extension Engine {
    /// Begins a request: answers it, or leaves it paused.
    @inline(__always)
    mutating func start(_ request: Request, _ caller: Caller, _ now: Instant, _ effects: inout Effects) {
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
            if let operation = try begin(request, caller, now, &effects) { run(operation, now, &effects) }
        } catch {
            effects.fail(caller, error)
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
        case .pending: showPending(caller, now, &effects)
        case .quit:
            effects.succeed(caller)
            close(caller.connection, .quit, &effects)
        case .spaceCreate(let create): try createSpace(create, caller, &effects)
        case .maps(let maps): try showAreas(maps, caller, &effects)
        case .deviceCreate(let create): try createDevice(create, caller, &effects)
        case .deviceList: listDevices(caller, &effects)
        case .regionCreate(let create): try createRegion(create, caller, &effects)
        case .mirror(let create): try createMirror(create, caller, &effects)
        case .mirrorDrop(let drop): try dropMirror(drop, caller, now, &effects)
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
        }
        return nil
    }

    /// Answers an operation whose work is done.
    mutating func finish(_ operation: borrowing Operation, _ effects: inout Effects) {
        let caller = operation.caller
        switch operation.work {
        case .exit(let exit): forget(exit.space)
        default: break
        }
        // The caller may have gone while it waited; what it asked for is done all the same.
        guard sessions.contains(caller.connection) else { return finishUnheard(operation) }
        switch operation.work {
        case .load(_, let read): answer(read, caller, &effects)
        case .store(_, let write): answer(write, caller, &effects)
        case .fault(let fault): answerRows(fault.mirror, fault.pages, caller, &effects)
        case .snapshot(let mirror, let range): answerRows(mirror, range, caller, &effects)
        case .deviceLoad(let access, let read): answer(read, access, caller, &effects)
        case .deviceStore(let access, let write): answer(write, access, caller, &effects)
        case .unmap(let unmapping): answerPages(unmapping.freed, operation, &effects)
        case .protect(let change): answerPages(change.changed, operation, &effects)
        case .exit(let exit): answerPages(exit.freed, operation, &effects)
        case .map(let mmap): map(mmap, caller, &effects)
        case .migrate(let migration): answer(migration, operation, &effects)
        }
    }

    /// Does what a store still has to do when nobody waits for its answer.
    private mutating func finishUnheard(_ operation: borrowing Operation) {
        switch operation.work {
        case .store(_, let write): store(write)
        case .deviceStore(_, let write): deviceStore(write)
        default: break
        }
    }

    /// What a fault of memory is on the wire.
    func failure(_ fault: MemoryFault, _ work: borrowing Operation.Work) -> Failure {
        let address = fault.page.address
        switch fault.cause {
        case .notMapped:
            return Failure(.notMapped, "no usable area there", errno: errnoForHole(work), address: address)
        case .notWritable: return Failure(.permission, "the area is not writable", address: address)
        case .readOnlyOnDevice:
            return Failure(
                .permission, "the page is read-only in the device's own memory; a device fault does not change that",
                errno: .EFAULT, address: address)
        case .limit:
            return Failure(
                .limit, "the tenant has \(limits.residentBytes) bytes of page frames, or of page tables, in use",
                address: address)
        case .gone:
            if let id = mirror(of: work), let index = subscriptions.index(of: id), subscriptions[index].isFenced {
                return Self.fencedFailure(id.rawValue)
            }
            return Failure(.cancelled, "what the request worked on was dropped meanwhile", address: address)
        }
    }

    /// The mirror that the work is for.
    private func mirror(of work: borrowing Operation.Work) -> MirrorID? {
        switch work {
        case .fault(let fault): fault.mirror
        case .snapshot(let mirror, _): mirror
        case .deviceLoad(let access, _), .deviceStore(let access, _): access.mirror
        default: nil
        }
    }

    /// The kernel's errno for a hole depends on the call.
    private func errnoForHole(_ work: borrowing Operation.Work) -> Errno {
        switch work {
        case .protect: .ENOMEM
        case .migrate: .EINVAL
        default: .EFAULT
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
