internal import HMMEngine
internal import HMMTLS

/// How a connection ended, as the metrics tell it. What is noted first counts.
enum ConnectionEnd: Int, CaseIterable, Sendable {
    /// The client said `quit`, or ended its side and was answered.
    case left
    /// The transport failed: a reset, a broken TLS record.
    case lost
    /// The TLS handshake failed, took too long, or was given up by the client.
    case handshake
    /// The certificate names no tenant, or there is none where one is needed.
    case refused
    /// The next request could not be found in what it sent, or it looked like a browser.
    case framing
    /// It sent more untagged requests than may wait.
    case requests
    /// It left more events without an acknowledgement than may wait.
    case events
    /// It did not read what was sent to it.
    case slowReader
    /// A line, its silence, its last answers or its closing took too long.
    case line, idle, linger, closing
    /// The tenant has all the connections it may have.
    case limit
    /// It showed no good token in time, or too many bad ones.
    case login
    /// What it has shown no longer makes it what it was: the rules have changed.
    case revoked
    /// The state of its tenant was broken.
    case poisoned
    /// An operator dropped it.
    case dropped
    /// The server stops.
    case stopped

    var label: String { self == .slowReader ? "slow-reader" : "\(self)" }

    init(_ reason: CloseReason) {
        self =
            switch reason {
            case .quit: .left
            case .framing: .framing
            case .tooManyRequests: .requests
            case .tooManyEvents: .events
            case .shutdown: .stopped
            case .limit: .limit
            case .internalError: .poisoned
            case .revoked: .revoked
            case .authentication: .login
            case .dropped: .dropped
            }
    }
}

/// How a TLS handshake ended.
enum HandshakeOutcome: Int, CaseIterable, Sendable {
    case ok
    /// The two sides do not agree, or one refused the other's certificate.
    case refused
    /// What came is not TLS.
    case malformed
    /// The client went away before the end.
    case abandoned
    case timeout
    /// The TLS library or a setting failed here.
    case failed
    /// The server stopped meanwhile.
    case stopped

    var label: String { "\(self)" }

    init(_ kind: TLSError.Kind) {
        self =
            switch kind {
            case .handshake: .refused
            case .protocolViolation: .malformed
            case .peerClosedWithoutNotify: .abandoned
            case .configuration, .internalError: .failed
            }
    }
}
