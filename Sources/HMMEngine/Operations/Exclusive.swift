internal import HMMMemory
internal import HMMProtocol

/// `exclusive` and `exclusive.held`.
extension Engine {
    func operation(_ exclusive: Exclusive, _ caller: Caller) throws(Failure) -> Operation {
        let pages = PageRange(touching: exclusive.extent.va, length: exclusive.extent.length)
        let mirror = try usableMirror(exclusive.mirror, caller.connection, pages)
        guard exclusive.extent.length <= limits.residentBytes else {
            throw Failure(.limit, "one request covers at most \(limits.residentBytes) bytes")
        }
        let profile = machine.profile(of: mirror.device)
        let exempt = profile.hearsOwnExclusive ? [] : exempt(mirror.id, mirror.space, mirror.device, caller)
        return Operation(
            caller: caller, verb: .exclusive, space: mirror.space,
            work: .exclusive(Boxed(ExclusiveAccess(mirror.id, pages, batch: profile.batch, exempt: exempt, machine))))
    }

    func operation(_ held: ExclusiveHeld, _ caller: Caller) throws(Failure) -> Operation {
        let pages = PageRange(touching: held.extent.va, length: held.extent.length)
        // The table can be asked even when its address space has gone.
        let id = try ownMirror(held.mirror, caller.connection)
        guard let index = machine.mirrors.index(of: id) else { throw fencedFailure(held.mirror) }
        guard machine.mirrors[index].range.contains(pages) else {
            throw Failure(.badArgument, "the range leaves that of mirror \(held.mirror)", address: held.extent.va)
        }
        return Operation(
            caller: caller, verb: .exclusiveHeld, space: SpaceID(rawValue: 0),
            work: .exclusiveHeld(ExclusiveCount(id, pages)))
    }

    func answer(_ count: ExclusiveCount, _ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" held=", count.count)
        effects.text.endLine()
    }
}
