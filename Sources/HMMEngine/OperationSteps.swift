internal import HMMMemory
internal import HMMProtocol

/// How the work of an operation goes on, whatever it is.
extension Operation {
    /// One step of the work, or of what follows it.
    mutating func step(_ machine: inout Machine) -> Step {
        if let step = look(&machine) { return step }
        if bulk?.hasBegun != true {
            let step = stepWork(&machine)
            guard step == .done else { return step }
        }
        return bulk?.step(&machine) ?? .done
    }

    /// Finds out whether there are frames enough, before anything is changed; nil once that is known.
    private mutating func look(_ machine: inout Machine) -> Step? {
        guard let step = ahead?.value.step(&machine) else { return nil }
        if step != .more { ahead = nil }
        return step == .done ? nil : step
    }

    private mutating func stepWork(_ machine: inout Machine) -> Step {
        switch work {
        case .sweep(let sweep): return sweep.value.step(&machine)
        case .map(let mapping, _): return mapping.value.step(&machine)
        case .remap(let remapping): return remapping.value.step(&machine)
        case .advise(let change): return change.value.step(&machine)
        case .reap(let reaping): return reaping.value.step(&machine)
        case .migrate(let migration, _): return migration.value.step(&machine)
        case .exclusive(let access): return access.value.step(&machine)
        case .pin(let pinning): return pinning.value.step(&machine)
        case .cut(let cut): return cut.value.step(&machine)
        case .evict(let eviction, _): return eviction.value.step(&machine)
        case .legacy(let fault, let look):
            let step = fault.value.step(&machine)
            return step == .done ? look.value.step(&machine) : step
        case .check(let check): return check.value.step(&machine)
        case .stage(let staged, _), .copy(let staged, _): return staged.value.step(&machine)
        case .rollBack(let staged, _): return staged.value.rollBack(&machine) ? .done : .more
        case .fileStore(let pages, _), .fileCreate(let pages, _): return pages.value.step(&machine)
        case .idle, .fileLoad: return .done
        case .load, .store, .fault, .deviceLoad, .deviceStore, .unmap, .protect, .fork, .exit, .snapshot, .pagemap,
            .exclusiveHeld, .unpin, .fileRemove:
            return stepInPlace(&machine)
        }
    }

    /// Work without a box. Taken out, so that what is stepped is changed in place.
    @inline(__always)
    private mutating func stepInPlace(_ machine: inout Machine) -> Step {
        var current = Work.idle
        swap(&current, &work)
        switch consume current {
        case .load(var access, let request): return step(&access, &machine) { .load($0, request) }
        case .store(var access, let request): return step(&access, &machine) { .store($0, request) }
        case .fault(var fault): return step(&fault, &machine) { .fault($0) }
        case .deviceLoad(var access, let request): return step(&access, &machine) { .deviceLoad($0, request) }
        case .deviceStore(var access, let request): return step(&access, &machine) { .deviceStore($0, request) }
        case .unmap(var unmapping): return step(&unmapping, &machine) { .unmap($0) }
        case .protect(var change): return step(&change, &machine) { .protect($0) }
        case .fork(var fork): return step(&fork, &machine) { .fork($0) }
        case .exit(var exit): return step(&exit, &machine) { .exit($0) }
        case .snapshot(var look): return step(&look, &machine) { .snapshot($0) }
        case .pagemap(var look): return step(&look, &machine) { .pagemap($0) }
        case .exclusiveHeld(var count): return step(&count, &machine) { .exclusiveHeld($0) }
        case .unpin(var unpinning): return step(&unpinning, &machine) { .unpin($0) }
        case .fileRemove(var removal): return step(&removal, &machine) { .fileRemove($0) }
        default: return .done
        }
    }

    @inline(__always)
    private mutating func step<Value: SteppedWork>(
        _ value: inout Value, _ machine: inout Machine, _ wrap: (Value) -> Work
    ) -> Step {
        let step = value.step(&machine)
        work = wrap(value)
        return step
    }

    /// Time has passed since the last step: makes the change that it announced, before anything else comes between. A
    /// step when that needs another announcement, or failed.
    mutating func restart(_ machine: inout Machine) -> Step? {
        switch work {
        case .load(var access, let request): restart(&access, &machine) { .load($0, request) }
        case .store(var access, let request): restart(&access, &machine) { .store($0, request) }
        case .sweep(let sweep): sweep.value.restart(&machine)
        case .fault(var fault): restart(&fault, &machine) { .fault($0) }
        case .deviceLoad(var access, let request): restart(&access, &machine) { .deviceLoad($0, request) }
        case .deviceStore(var access, let request): restart(&access, &machine) { .deviceStore($0, request) }
        case .legacy(let fault, _): fault.value.restart(&machine)
        // These keep their whole range until they are done.
        default: nil
        }
    }

    @inline(__always)
    private mutating func restart<Value: RestartedWork>(
        _ value: inout Value, _ machine: inout Machine, _ wrap: (Value) -> Work
    ) -> Step? {
        let step = value.restart(&machine)
        work = wrap(value)
        return step
    }

    /// An announcement that may wait for nobody would have to: what it was for is left out.
    func skip() { if case .reap(let reaping) = work { reaping.value.skip() } }

    /// Undoes what is half done.
    mutating func abandon(_ machine: inout Machine) {
        switch work {
        case .migrate(let migration, _): migration.value.abandon(&machine)
        case .map(let mapping, _): mapping.value.abandon(&machine)
        case .remap(let remapping): remapping.value.abandon(&machine)
        case .fork(var fork): fork.abandon(&machine)
        default: break
        }
    }
}
