internal import HMMTLS
internal import Synchronization

/// Compares tokens with their hashes, on a thread of its own: each takes tens of milliseconds, by design.
final class TokenVerifier: Sendable {
    /// Tokens that may wait: half of a handshake's time is enough for them.
    static let bound = 64

    private let worker: EventLoop
    private let waiting = Atomic<Int>(0)

    /// - Throws: `SystemError` when the kernel has no descriptors or threads left.
    init() throws(SystemError) { worker = try EventLoop() }

    func stop() { worker.stop() }

    /// Calls `done` with the public part of the token if one of the rules has its hash, else with nil; on the
    /// verifier's thread. False, and no call, if too many tokens wait.
    func verify(_ token: [UInt8], _ rules: [TokenRule], done: @escaping @Sendable (String?) -> Void) -> Bool {
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue <= Self.bound else {
            waiting.wrappingSubtract(1, ordering: .relaxed)
            return false
        }
        worker.execute {
            let id = Self.find(token, rules)
            self.waiting.wrappingSubtract(1, ordering: .relaxed)
            done(id)
        }
        return true
    }

    /// A token that nobody has takes as long as one whose secret is wrong.
    private static func find(_ token: [UInt8], _ rules: [TokenRule]) -> String? {
        guard let any = rules.first else { return nil }
        let dot = token.firstIndex(of: UInt8(ascii: ".")) ?? token.endIndex
        let rule = rules.first { $0.id.utf8.elementsEqual(token[..<dot]) }
        let isRight = (rule ?? any).hash.matches(Array(token[dot...].dropFirst()))
        return isRight ? rule?.id : nil
    }
}

/// A token on its way to the verifier and back.
///
/// Unchecked: `owner` is touched on the owner's loop only.
final class TokenCheck: @unchecked Sendable {
    /// Nil once nobody waits for the outcome.
    var owner: ConnectionHandler?

    init(owner: ConnectionHandler) { self.owner = owner }
}
