internal import HMMTLS
internal import Synchronization

/// Compares tokens with their hashes, on a thread of its own: each takes tens of milliseconds, by design. Addresses
/// take turns and have few places each, so that whoever shows many tokens keeps nobody else waiting for long.
final class TokenVerifier: Sendable {
    /// Tokens that may wait: half of a handshake's time is enough for them.
    static let bound = 64
    /// Of one address.
    static let boundOfAddress = 8

    private struct Waiting {
        let check: TokenCheck
        let done: @Sendable (TokenRule?) -> Void
    }

    private struct State {
        var count = 0
        /// By address, the first to come first; none is empty.
        var lines: [AddressPrefix?: [Waiting]] = [:]
        /// Every address with a line, whose turn is next first.
        var turns: [AddressPrefix?] = []
    }

    private let worker: EventLoop
    private let state = Mutex(State())

    /// - Throws: `SystemError` when the kernel has no descriptors or threads left.
    init() throws(SystemError) { worker = try EventLoop() }

    func stop() { worker.stop() }

    /// Calls `done` with the rule whose hash the token has, or with nil; on the verifier's thread, unless the check is
    /// withdrawn. False, and no call, if too many tokens wait.
    func verify(_ check: TokenCheck, done: @escaping @Sendable (TokenRule?) -> Void) -> Bool {
        let isTaken = state.withLock { state in
            let line = state.lines[check.address] ?? []
            guard state.count < Self.bound, line.count < Self.boundOfAddress else { return false }
            if line.isEmpty { state.turns.append(check.address) }
            state.lines[check.address] = line + [Waiting(check: check, done: done)]
            state.count += 1
            return true
        }
        if isTaken { worker.execute { self.verifyNext() } }
        return isTaken
    }

    /// Nobody wants to know any more: the place is free, and unless it has begun, the work is not done.
    func withdraw(_ check: TokenCheck) {
        state.withLock { state in
            guard var line = state.lines[check.address],
                let place = line.firstIndex(where: { $0.check === check })
            else { return }
            line.remove(at: place)
            state.count -= 1
            state.lines[check.address] = line.isEmpty ? nil : line
            if line.isEmpty { state.turns.removeAll { $0 == check.address } }
        }
    }

    /// Called once for each token that has been taken; withdrawn ones leave nothing to do.
    private func verifyNext() {
        guard let next = state.withLock({ Self.takeNext(&$0) }) else { return }
        next.done(next.check.rule)
    }

    private static func takeNext(_ state: inout State) -> Waiting? {
        guard !state.turns.isEmpty else { return nil }
        let address = state.turns.removeFirst()
        guard var line = state.lines[address] else { return nil }
        let next = line.removeFirst()
        state.count -= 1
        state.lines[address] = line.isEmpty ? nil : line
        if !line.isEmpty { state.turns.append(address) }
        return next
    }
}

/// A token on its way to the verifier and back.
///
/// Unchecked: `owner` is touched on the owner's loop only, the rest does not change.
final class TokenCheck: @unchecked Sendable {
    /// Nil once nobody waits for the outcome.
    var owner: ConnectionHandler?
    /// Who has shown it.
    let address: AddressPrefix?
    private let token: [UInt8]
    private let rules: [TokenRule]

    init(_ token: [UInt8], _ rules: [TokenRule], from address: AddressPrefix?, owner: ConnectionHandler? = nil) {
        self.token = token
        self.rules = rules
        self.address = address
        self.owner = owner
    }

    /// The rule whose hash the token has. One that nobody has takes as long as one whose secret is wrong.
    fileprivate var rule: TokenRule? {
        guard let any = rules.first else { return nil }
        let dot = token.firstIndex(of: UInt8(ascii: ".")) ?? token.endIndex
        let rule = rules.first { $0.id.utf8.elementsEqual(token[..<dot]) }
        let isRight = (rule ?? any).hash.matches(Array(token[dot...].dropFirst()))
        return isRight ? rule : nil
    }
}
