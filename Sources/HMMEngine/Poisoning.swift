internal import HMMMemory
internal import HMMProtocol

/// A state that breaks its own rules serves nobody: the tenant ends, and no other hears of it.
extension Engine {
    /// Checking all of the state takes little.
    var isSmall: Bool { machine.physical.used <= 2048 && machine.spaces.count <= 16 }

    /// Looks whether the state still follows its rules.
    mutating func inspect(_ effects: inout Effects) {
        guard poison == nil, isSmall, let violation = machine.violations().min() else { return }
        poison(violation, &effects)
    }

    /// Tells every connection and lets go of everything that could still happen.
    mutating func poison(_ violation: String, _ effects: inout Effects) {
        guard poison == nil else { return }
        poison = violation
        for index in 0..<sessions.count { bid(sessions.id(at: index), .internalError, &effects) }
        sessions = IDTable()
        operations = IDTable()
        subscriptions = IDTable()
        openMigrations = IDTable()
        managed = []
        unfinished = nil
        postponed = []
        recording.waiting = []
        roundsRunning = 0
        nextDeadline = nil
    }

    /// `check`: what it finds is told, and is the end of the tenant.
    mutating func check(_ caller: Caller, _ effects: inout Effects) {
        let violations = machine.violations().sorted()
        effects.answer(caller)
        for violation in violations.prefix(100) {
            effects.text.beginRow(caller.tag)
            effects.text.pair(" text=", quoted: violation)
            effects.text.endLine()
        }
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" violations=", UInt64(violations.count))
        effects.text.endLine()
        if let first = violations.first { poison(first, &effects) }
    }
}
