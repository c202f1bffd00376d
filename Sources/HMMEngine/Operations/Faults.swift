internal import HMMMemory
internal import HMMProtocol

/// `fault` and `snapshot`.
extension Engine {
    /// Answers a fault of one page that is usable already, which is what a device asks most of the time. False leaves
    /// everything to the general way, refusals included.
    @inline(__always)
    mutating func quickFault(_ fault: Fault, _ caller: Caller, _ effects: inout Effects) -> Bool {
        let id = MirrorID(rawValue: fault.mirror)
        let page = Page(containing: fault.extent.va)
        guard fault.extent.length == UInt64(PageSize.bytes), operations.isEmpty, !restrictions.isAny,
            let subscription = subscriptions.index(of: id), subscriptions[subscription].connection == caller.connection,
            let mirror = machine.mirrors.index(of: id), machine.mirrors[mirror].range.contains(page),
            fault.access != .none,
            let run = machine.installUsable(mirror, page, write: fault.access == .write)
        else { return false }
        effects.answer(caller)
        PageRows.write(run, caller.tag, &effects.text)
        let sequence = machine.mirrors[mirror].sequence
        effects.text.append(atMost: 96) { line in
            line.put("+")
            line.put(caller.tag)
            line.put(" pages=1 seq=")
            line.put(decimal: sequence)
            line.put("\n")
        }
        return true
    }

    func operation(_ fault: Fault, _ caller: Caller, pages each: [UInt8]? = nil) throws(Failure) -> Operation {
        let pages = PageRange(touching: fault.extent.va, length: fault.extent.length)
        let mirror = try usableMirror(fault.mirror, caller.connection, pages)
        // Zero pages count against nothing, and a device could ask for all of an address space of them.
        guard fault.extent.length <= limits.residentBytes else {
            throw Failure(
                .limit, "one fault covers at most \(limits.residentBytes) bytes", address: pages.start.address)
        }
        let request = FaultRequest(fault.access.need, each: each?.map(Self.need), mask: fault.mask.need)
        return Operation(
            caller: caller, verb: .fault, space: mirror.space,
            work: .fault(RangeFault(mirror.id, pages, request, machine)), refusesToWait: fault.noWait)
    }

    private static func need(_ octet: UInt8) -> FaultRequest.Need {
        switch octet {
        case UInt8(ascii: "r"): .read
        case UInt8(ascii: "w"): .write
        default: .nothing
        }
    }

    func operation(_ snapshot: Snapshot, _ caller: Caller) throws(Failure) -> Operation {
        let pages = PageRange(touching: snapshot.extent.va, length: snapshot.extent.length)
        let mirror = try usableMirror(snapshot.mirror, caller.connection, pages)
        // A run takes six octets of an answer at least.
        let look = RunLook(mirror.id, pages, most: limits.answerBytes / 6)
        return Operation(
            caller: caller, verb: .snapshot, space: mirror.space, work: .snapshot(look), refusesToWait: snapshot.noWait)
    }

    /// The rows of a range as a mirror's device sees it, and the mirror's sequence.
    @inline(__always)
    mutating func answerRows(
        _ mirror: MirrorID, _ pages: PageRange, _ caller: Caller, _ effects: inout Effects
    ) throws(Failure) {
        guard let index = machine.mirrors.index(of: mirror) else { throw mirrorHasGone }
        effects.answer(caller)
        let bound = effects.text.count + limits.answerBytes
        var rows = PageRows(caller.tag)
        let owner = machine.mirrors[index].device
        let names = RowNames(own: deviceName(owner), all: deviceNames)
        machine.forEachRun(machine.mirrors[index].space, pages, for: owner) { run in
            rows.add(run, names, to: &effects.text)
            return effects.text.count <= bound
        }
        rows.end(names, &effects.text)
        machine.spend(answerOf: effects.text.count + limits.answerBytes - bound)
        guard effects.text.count <= bound else { throw tooManyRows }
        answerPages(pages, machine.mirrors[index].sequence, caller, &effects)
    }

    private var mirrorHasGone: Failure { Failure(.cancelled, "the mirror was fenced or dropped meanwhile") }

    private func answerPages(_ pages: PageRange, _ sequence: UInt64, _ caller: Caller, _ effects: inout Effects) {
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" pages=", pages.count)
        effects.text.pair(" seq=", sequence)
        effects.text.endLine()
    }

    mutating func answer(_ look: RunLook, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        guard let index = machine.mirrors.index(of: look.mirror) else { throw mirrorHasGone }
        effects.answer(caller)
        var pages = PageRows(caller.tag)
        let names = RowNames(own: deviceName(machine.mirrors[index].device), all: deviceNames)
        let fits = rows(look.runs, &effects) {
            pages.add($1, names, to: &$2)
        } end: {
            pages.end(names, &$0)
        }
        guard fits else { throw tooManyRows }
        answerPages(look.range, machine.mirrors[index].sequence, caller, &effects)
    }
}

extension FaultAccess {
    /// What it asks of a page.
    var need: FaultRequest.Need {
        switch self {
        case .none: .nothing
        case .read: .read
        case .write: .write
        }
    }
}
