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
        return Operation(
            caller: caller, verb: .snapshot, space: mirror.space, work: .snapshot(mirror.id, pages),
            refusesToWait: snapshot.noWait)
    }

    /// The rows of a range as a mirror's device sees it, and the mirror's sequence.
    @inline(__always)
    func answerRows(_ mirror: MirrorID, _ pages: PageRange, _ caller: Caller, _ effects: inout Effects) {
        guard let index = machine.mirrors.index(of: mirror) else {
            return effects.fail(caller, Failure(.cancelled, "the mirror was fenced or dropped meanwhile"))
        }
        effects.answer(caller)
        let start = effects.text.count
        var rows = PageRows(caller.tag)
        let owner = machine.mirrors[index].device
        let names = RowNames(own: deviceName(owner), all: deviceNames)
        machine.forEachRun(machine.mirrors[index].space, pages, for: machine.mirrors[index].device) { run in
            // Past the bound nothing is kept but the fact.
            if effects.text.count - start <= limits.answerBytes {
                rows.add(run, names, to: &effects.text)
            }
        }
        rows.end(names, &effects.text)
        guard effects.text.count - start <= limits.answerBytes else {
            effects.text.truncate(to: start)
            return effects.fail(
                caller, Failure(.limit, "the answer has more than \(limits.answerBytes) bytes; ask for less at a time"))
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" pages=", pages.count)
        effects.text.pair(" seq=", machine.mirrors[index].sequence)
        effects.text.endLine()
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
