/// Why TLS could not be set up or carried on.
///
/// Errors of OpenSSL are turned into text where they happen, so that nothing stays in the thread's error queue.
public struct TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Equatable, Sendable {
        /// A file or a setting cannot be used; the text names which.
        case configuration(String)
        /// The two sides do not agree, or a certificate was refused, by either of them.
        case handshake
        /// The peer sent something that is not TLS or breaks its rules.
        case protocolViolation
        /// The connection ended without close_notify: data may be missing, and it may have been cut by someone else.
        case peerClosedWithoutNotify
        /// A call in the wrong state, or a failure inside the TLS library.
        case internalError
    }

    public let kind: Kind
    /// What went wrong, without the prefix that `description` adds for the kind.
    public let reason: String

    public init(kind: Kind, reason: String) {
        self.kind = kind
        self.reason = reason
    }

    public var description: String {
        switch kind {
        case .configuration(let subject): "\(subject): \(reason)"
        case .handshake: "TLS handshake failed: \(reason)"
        case .protocolViolation: "TLS protocol violation: \(reason)"
        case .peerClosedWithoutNotify: "connection lost: \(reason)"
        case .internalError: "TLS library error: \(reason)"
        }
    }
}

extension TLSError {
    /// A setting cannot be used; what is left in OpenSSL's queue says why, or `fallback` if it says nothing.
    static func configuration(_ subject: String, fallback: String) -> TLSError {
        let text = ErrorQueue.text(of: ErrorQueue.drain())
        return TLSError(kind: .configuration(subject), reason: text.isEmpty ? fallback : text)
    }

    /// OpenSSL itself failed, for instance for lack of memory.
    static func library(_ action: String) -> TLSError {
        let text = ErrorQueue.text(of: ErrorQueue.drain())
        return TLSError(kind: .internalError, reason: text.isEmpty ? action : "\(action): \(text)")
    }
}
