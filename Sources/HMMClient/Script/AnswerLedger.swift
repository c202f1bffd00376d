package import HMMProtocol

/// Which requests of a script have been sent and not answered, whether the next one may go, and how it all went.
package struct AnswerLedger: Sendable {
    /// Send on after a refusal, and without waiting for answers.
    private let keepsGoing: Bool
    /// Requests without an answer that the server lets a client have.
    private let window: Int
    private var untagged = 0
    private var tags: [String: Int] = [:]
    /// The script said `quit`.
    package private(set) var hasQuit = false
    /// A request was refused.
    package private(set) var hasFailed = false
    /// The code of the server's goodbye.
    package private(set) var bye: String?

    package init(keepsGoing: Bool, window: Int = 256) {
        self.keepsGoing = keepsGoing
        self.window = max(1, window)
    }

    /// Requests without an answer.
    package var outstanding: Int { untagged + tags.values.reduce(0, +) }

    /// Nothing more of the script is to be sent.
    package var hasStopped: Bool { hasFailed && !keepsGoing || hasQuit || bye != nil }

    /// Whether the next request of the script may be sent now. To stop at the first refusal, an untagged request
    /// waits for the answer of the one before; a tagged one asks for no order. An `ack` waits for nothing, because an
    /// answer may wait for it.
    package func maySend(_ request: ScriptRequest) -> Bool {
        switch request.lane {
        case .untagged: outstanding < window && (keepsGoing || untagged == 0)
        case .tagged: outstanding < window
        case .acknowledgement: true
        }
    }

    package mutating func sent(_ request: ScriptRequest) {
        switch request.lane {
        case .untagged: untagged += 1
        case .tagged(let tag): tags[tag, default: 0] += 1
        case .acknowledgement: break
        }
        if request.isQuit { hasQuit = true }
    }

    package mutating func received(_ line: ServerLine) {
        switch line {
        case .success(let tag, _): answered(tag)
        case .failure(let tag, let code, _, _, _):
            hasFailed = true
            // The only line that an `ack` can cause answers no request.
            if tag.isEmpty, code == ErrorCode.noEvent.rawValue { return }
            answered(tag)
        case .bye(let code, _): bye = code
        case .banner, .note, .row, .event: break
        }
    }

    private mutating func answered(_ tag: Tag) {
        if tag.isEmpty {
            untagged = max(0, untagged - 1)
            return
        }
        let name = tag.description
        guard let count = tags[name] else { return }
        tags[name] = count > 1 ? count - 1 : nil
    }
}
