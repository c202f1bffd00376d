internal import HMMMemory
internal import HMMProtocol

/// How the work of an operation goes on, whatever it is.
extension Operation {
    /// One step of the work, or of what follows it.
    mutating func step(_ machine: inout Machine) -> Step {
        if ahead != nil, let step = look(&machine) { return step }
        if bulk?.hasBegun != true {
            let step = stepWork(&machine)
            guard step == .done else { return step }
        }
        return bulk?.step(&machine) ?? .done
    }

    /// Finds out whether there are frames enough, before anything is changed; nil once that is known.
    private mutating func look(_ machine: inout Machine) -> Step? {
        guard case .looking(var work)? = ahead else { return nil }
        let step = work.step(&machine)
        ahead = step == .more ? .looking(work) : nil
        return step == .done ? nil : step
    }

    private mutating func stepWork(_ machine: inout Machine) -> Step {
        // Taken out, so that what is stepped is changed in place: lists of a million pages are not copied.
        var current = Work.idle
        swap(&current, &work)
        switch consume current {
        case .idle: return .done
        case .copy(var staged, let id): return step(&staged, &machine) { .copy($0, id) }
        case .load(var access, let request): return step(&access, &machine) { .load($0, request) }
        case .store(var access, let request): return step(&access, &machine) { .store($0, request) }
        case .sweep(var sweep): return step(&sweep, &machine) { .sweep($0) }
        case .fault(var fault): return step(&fault, &machine) { .fault($0) }
        case .deviceLoad(var access, let request): return step(&access, &machine) { .deviceLoad($0, request) }
        case .deviceStore(var access, let request): return step(&access, &machine) { .deviceStore($0, request) }
        case .unmap(var unmapping): return step(&unmapping, &machine) { .unmap($0) }
        case .protect(var change): return step(&change, &machine) { .protect($0) }
        case .map(var mapping, let request): return step(&mapping, &machine) { .map($0, request) }
        case .remap(var remapping): return step(&remapping, &machine) { .remap($0) }
        case .advise(var change): return step(&change, &machine) { .advise($0) }
        case .fork(var fork): return step(&fork, &machine) { .fork($0) }
        case .reap(var reaping): return step(&reaping, &machine) { .reap($0) }
        case .exit(var exit): return step(&exit, &machine) { .exit($0) }
        case .migrate(var migration, let kind): return step(&migration, &machine) { .migrate($0, kind) }
        case .exclusive(var access): return step(&access, &machine) { .exclusive($0) }
        case .pin(var pinning): return step(&pinning, &machine) { .pin($0) }
        case .unpin(var unpinning): return step(&unpinning, &machine) { .unpin($0) }
        case .fileRemove(var removal): return step(&removal, &machine) { .fileRemove($0) }
        case .cut(var cut): return step(&cut, &machine) { .cut($0) }
        case .evict(var eviction, let purpose): return step(&eviction, &machine) { .evict($0, purpose) }
        case .legacy(var fault, var look):
            let step = fault.step(&machine)
            guard step == .done else {
                work = .legacy(fault, look)
                return step
            }
            return self.step(&look, &machine) { .legacy(fault, $0) }
        case .check(var check): return step(&check, &machine) { .check($0) }
        case .stage(var staged, let id): return step(&staged, &machine) { .stage($0, id) }
        case .rollBack(var staged, let id):
            let isDone = staged.rollBack(&machine)
            work = .rollBack(staged, id)
            return isDone ? .done : .more
        case .fileStore(var pages, let write): return step(&pages, &machine) { .fileStore($0, write) }
        case .fileCreate(var pages, let name): return step(&pages, &machine) { .fileCreate($0, name) }
        case .fileLoad(let file, let count, let read):
            work = .fileLoad(file, count, read)
            return .done
        case .snapshot(var look): return step(&look, &machine) { .snapshot($0) }
        case .pagemap(var look): return step(&look, &machine) { .pagemap($0) }
        case .exclusiveHeld(var count): return step(&count, &machine) { .exclusiveHeld($0) }
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
        case .sweep(var sweep): restart(&sweep, &machine) { .sweep($0) }
        case .fault(var fault): restart(&fault, &machine) { .fault($0) }
        case .deviceLoad(var access, let request): restart(&access, &machine) { .deviceLoad($0, request) }
        case .deviceStore(var access, let request): restart(&access, &machine) { .deviceStore($0, request) }
        case .legacy(var fault, let look): restart(&fault, &machine) { .legacy($0, look) }
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
    mutating func skip() {
        guard case .reap(var reaping) = work else { return }
        reaping.skip()
        work = .reap(reaping)
    }

    /// Undoes what is half done.
    mutating func abandon(_ machine: inout Machine) {
        switch work {
        case .migrate(var migration, _): migration.abandon(&machine)
        case .fork(var fork): fork.abandon(&machine)
        case .map(var mapping, _): mapping.abandon(&machine)
        default: break
        }
    }
}
