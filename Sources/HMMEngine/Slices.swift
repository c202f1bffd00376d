internal import HMMMemory
internal import HMMProtocol

/// Long work is cut into slices, one for an input, so that a loop can serve other tenants between them. Within the
/// tenant nothing may come between: whatever arrives meanwhile waits here and has its turn afterwards, in order.
extension Engine {
    /// What is to be done before anything else happens.
    enum Unfinished: Equatable {
        /// The operation has to be stepped again.
        case step(OperationID)
        /// The change it had announced is not made yet.
        case restart(OperationID, inTurn: Bool)

        var operation: OperationID {
            switch self {
            case .step(let id), .restart(let id, _): id
            }
        }
    }

    /// Who may go on, while other work was unfinished or the slice was spent: before whatever else has been set free.
    enum Postponed {
        /// The mirrors have let go.
        case round(OperationID)
        /// The driver is done.
        case consulted(OperationID, Consultation)
    }

    /// Work has been cut short, or inputs wait for that: the next one to be done is a tick, which is due at once.
    public var isCut: Bool {
        unfinished != nil || !ready.isEmpty || !postponed.isEmpty || !deferred.isEmpty
            || !machine.freedDeviceFrames.isEmpty
    }

    /// Work done so far, in units of some ten nanoseconds.
    public var spent: UInt64 { machine.spent }

    /// Begins a turn of several inputs, which ends after work of `units`, or when work is cut short.
    public mutating func beginTurn(_ units: UInt64) { turnEnd = machine.spent &+ units }

    /// Others need not come first yet.
    @inline(__always)
    public var hasTurn: Bool { !isCut && machine.spent < turnEnd }

    /// An input that comes while work is unfinished: a tick goes on with the work, anything else waits.
    mutating func goOn(with input: Input, _ now: Instant, _ effects: inout Effects) {
        if input != .tick {
            deferred.append(input)
        } else {
            machine.beginSlice(limits.slice)
            deferred.beginTurn()
            finishUnfinished(now, &effects)
            if hasMore { settle(now, &effects) }
            while unfinished == nil, postponed.isEmpty, ready.isEmpty, machine.freedDeviceFrames.isEmpty,
                !machine.isSliceSpent,
                let next = deferred.popFirst(at: effects.text.count)
            {
                take(next, now, &effects)
                if hasMore { settle(now, &effects) }
            }
        }
        nextDeadline = isCut ? now : leaseDeadline
    }

    private mutating func finishUnfinished(_ now: Instant, _ effects: inout Effects) {
        guard let work = unfinished else { return }
        unfinished = nil
        let id = work.operation
        guard let index = operations.index(of: id) else { return }
        switch work {
        case .restart(_, let inTurn): resume(id, inTurn: inTurn, now, &effects)
        case .step:
            var operation = Operation(
                caller: operations[index].caller, verb: operations[index].verb, space: operations[index].space,
                work: .idle)
            operation.payload = operations[index].payload
            swap(&operation, &operations[index])
            let bound = effects.text.count + limits.answerBytes
            let pauses = go(on: operation.step(&machine), &operation, id, bound, now, &effects)
            settle(pauses, id, operation)
            // What its end set free may have been cut short by now.
            if unfinished?.operation != id { wake(behind: id) }
        }
    }

    /// Goes on with what had to be put off.
    mutating func takePostponed(_ now: Instant, _ effects: inout Effects) {
        while unfinished == nil, !machine.isSliceSpent, let next = postponed.popFirst() {
            switch next {
            case .round(let id): finishRound(id, now, &effects)
            case .consulted(let id, let asked):
                resumeConsulted(id, asked, now, &effects)
                machine.spend(Slice.request)
            }
        }
    }

    /// A request that comes up in the middle of an input while work is unfinished: it begins after that.
    mutating func postpone(_ operation: consuming Operation, behind id: OperationID) {
        var operation = operation
        operation.findMissing(&machine)
        operation.state = .parked(behind: id)
        begun(operation.caller)
        enter(operation)
    }
}

/// Inputs in the order of their arrival.
struct InputLine {
    private var inputs = Queue<Input>()
    /// Where the effects' text ended as each of those was taken that the last tick took: whoever checks an engine tells
    /// by it what was said before and what after.
    private(set) var taken: [Int] = []

    var isEmpty: Bool { inputs.isEmpty }

    mutating func append(_ input: Input) { inputs.append(input) }

    mutating func beginTurn() { taken = [] }

    mutating func popFirst(at place: Int) -> Input? {
        guard let input = inputs.popFirst() else { return nil }
        taken.append(place)
        return input
    }
}
