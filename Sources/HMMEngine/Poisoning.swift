internal import HMMMemory
internal import HMMProtocol

/// A state that breaks its own rules serves nobody: the tenant ends, and no other hears of it.
extension Engine {
    /// Checking all of the state takes little.
    var isSmall: Bool { machine.physical.used <= 2048 && machine.spaces.count <= 16 }

    /// Looks whether the state still follows its rules. A large one is looked at only after work that is large beside
    /// the look.
    mutating func inspect(_ now: Instant, _ effects: inout Effects) {
        let cost = machine.physical.used * Self.workPerFrame
        guard poison == nil, isSmall || machine.spent - inspected >= cost else { return }
        inspected = machine.spent
        run(checking(for: .nobody), now, &effects)
    }

    /// Units of work between two looks, for each page frame in use: thirty times what the look takes.
    private static let workPerFrame: UInt64 = 512

    func checking(for caller: Caller) -> Operation {
        Operation(caller: caller, verb: .check, space: SpaceID(rawValue: 0), work: .check(Boxed(StateCheck())))
    }

    /// Tells every connection and lets go of everything that could still happen.
    mutating func poison(_ violation: String, _ effects: inout Effects) {
        guard poison == nil else { return }
        poison = violation
        for index in 0..<sessions.count { bid(sessions.id(at: index), .internalError, &effects) }
        sessions = IDTable()
        operations = IDTable()
        claims = Claims()
        waiters = [:]
        areasPromised = MostAreas()
        subscriptions = IDTable()
        openMigrations = IDTable()
        managed = []
        unfinished = nil
        postponed.removeAll()
        recording.waiting = []
        roundsRunning = 0
        leaseDeadline = nil
        nextDeadline = nil
    }

    /// `check`: what it finds is told, and is the end of the tenant.
    mutating func answer(_ check: StateCheck, _ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        for violation in check.found {
            effects.text.beginRow(caller.tag)
            effects.text.pair(" text=", quoted: violation)
            effects.text.endLine()
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" violations=", check.violations)
        effects.text.endLine()
        if let first = check.found.first { poison(first, &effects) }
    }
}
