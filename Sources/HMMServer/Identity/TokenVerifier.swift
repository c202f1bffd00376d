internal import HMMTLS
internal import Synchronization

/// Compares tokens with their hashes, on a thread of its own: each takes tens of milliseconds, by design. Addresses
/// take turns and have few places each, so that whoever shows many tokens keeps nobody else waiting for long. A token
/// that has fitted once takes no time again.
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
        var recognized = RecognizedTokens()
    }

    private let worker: EventLoop
    private let hash: KeyedHash
    private let state = Mutex(State())

    /// - Throws: `SystemError` when the kernel has no descriptors or threads left, `TLSError` without randomness.
    init() throws {
        hash = try KeyedHash()
        worker = try EventLoop()
    }

    func stop() { worker.stop() }

    /// The rule of a token that has fitted before. Nil: nobody knows without `verify`.
    func recognize(_ check: TokenCheck) -> TokenRule? {
        guard let mark = hash.mark(of: check.secret), let rule = check.rule else { return nil }
        return state.withLock { $0.recognized.contains(mark, for: rule) } ? rule : nil
    }

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
        let check = next.check
        guard check.isRight, let rule = check.rule else { return next.done(nil) }
        if let mark = hash.mark(of: check.secret) {
            state.withLock { $0.recognized.insert(mark, for: rule, among: check.rules) }
        }
        next.done(rule)
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
    fileprivate let rules: [TokenRule]
    /// What the part before the dot is the id of.
    fileprivate let rule: TokenRule?
    fileprivate let secret: [UInt8]

    init(_ token: [UInt8], _ rules: [TokenRule], from address: AddressPrefix?, owner: ConnectionHandler? = nil) {
        let dot = token.firstIndex(of: UInt8(ascii: ".")) ?? token.endIndex
        rule = rules.first { $0.id.utf8.elementsEqual(token[..<dot]) }
        secret = Array(token[dot...].dropFirst())
        self.rules = rules
        self.address = address
        self.owner = owner
    }

    /// Whether the rule's hash is the secret's. An id that nobody has takes as long as a secret that is wrong.
    fileprivate var isRight: Bool {
        guard let hash = (rule ?? rules.first)?.hash else { return false }
        return hash.matches(secret) && rule != nil
    }
}
