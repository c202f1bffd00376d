internal import HMMMemory
internal import HMMProtocol

/// What the engine knows of its tenant's recording. Others keep it: the engine asks for it by signals, and hears of it
/// by news.
struct RecordingState {
    enum Phase: Equatable {
        /// Nobody records.
        case none
        /// Somebody could ask for it.
        case kept
        /// It has been asked for.
        case starting
        case on(file: String)
        case stopping(file: String)
        /// Nobody has asked while there was time.
        case late
        case ended(file: String, RecordingEnd)
    }

    var phase = Phase.none
    var rule = RecordingRule.never
    /// Whose `record start` or `record stop` has not been answered.
    var waiting: [Caller] = []

    /// It goes to a file.
    var isOn: Bool { file != nil && end == nil }

    var file: String? {
        switch phase {
        case .none, .kept, .starting, .late: nil
        case .on(let file), .stopping(let file), .ended(let file, _): file
        }
    }

    /// Why it is over.
    var end: String? {
        switch phase {
        case .late: RecordingRefusal.late.rawValue
        case .ended(_, let reason): reason.rawValue
        default: nil
        }
    }
}

/// `record`.
extension Engine {
    mutating func record(_ recorder: Recorder, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        switch recorder.action {
        case nil: showRecording(caller, &effects)
        case .start: try startRecording(caller, &effects)
        case .stop: try stopRecording(caller, &effects)
        }
    }

    private mutating func startRecording(_ caller: Caller, _ effects: inout Effects) throws(Failure) {
        switch recording.phase {
        // Whoever wants a recording has one; scripts need not know who began it.
        case .on: return showRecording(caller, &effects)
        case .kept:
            recording.phase = .starting
            effects.signal(.startRecording)
        case .starting: break
        case .stopping: throw busy("the recording is being ended")
        case .late: throw refusal(.late)
        case .none: throw notRecorded
        case .ended(let file, let reason):
            throw Failure(
                .state, "the recording \(file) has ended: \(reason.rawValue); another would lack the beginning")
        }
        wait(caller)
    }

    private mutating func stopRecording(_ caller: Caller, _ effects: inout Effects) throws(Failure) {
        switch recording.phase {
        case .on where recording.rule == .always:
            throw Failure(.denied, "whoever runs the server has this tenant recorded; clients cannot end it")
        case .on(let file):
            recording.phase = .stopping(file: file)
            effects.signal(.stopRecording)
        case .stopping: break
        case .starting: throw busy("the recording is being begun")
        case .none: throw notRecorded
        case .kept, .late: throw Failure(.state, "there is no recording that could end")
        case .ended(let file, let reason):
            throw Failure(.state, "the recording \(file) has ended: \(reason.rawValue)")
        }
        wait(caller)
    }

    /// The answer comes with the news.
    private mutating func wait(_ caller: Caller) {
        begun(caller)
        recording.waiting.append(caller)
    }

    private var notRecorded: Failure {
        Failure(.gated, "this tenant is not recorded: the server has no directory for that, or its rule for it is `no`")
    }

    private func refusal(_ reason: RecordingRefusal) -> Failure {
        switch reason {
        case .late:
            Failure(
                .state,
                "a recording needs everything from the tenant's beginning, of which \(limits.lookback) bytes are kept: "
                    + "`record start` has to come earlier")
        case .tooMany: Failure(.limit, "there are as many recordings as there may be, of this tenant or of all")
        case .disk: Failure(.state, "the server could not make the file", errno: .EIO)
        }
    }

    // MARK: News

    /// In whatever state it comes: it may have crossed with a request.
    mutating func hear(_ news: RecordingNews, _ effects: inout Effects) {
        switch news {
        case .kept(let rule):
            recording.phase = .kept
            recording.rule = rule
        case .began(let file, let rule):
            recording.phase = .on(file: file)
            recording.rule = rule
            answerWaiting(&effects) { $0.showRecording($1, &$2) }
        case .refused(let reason):
            recording.phase = reason == .late ? .late : .kept
            let failure = refusal(reason)
            answerWaiting(&effects) { $2.fail($1, failure, unlessGoneFrom: $0) }
        case .ended(let reason):
            guard let file = recording.file else { return }
            recording.phase = .ended(file: file, reason)
            tellEnd(file, reason, &effects)
            answerWaiting(&effects) { $0.showRecording($1, &$2) }
        }
    }

    private mutating func answerWaiting(
        _ effects: inout Effects, _ answer: (borrowing Engine, Caller, inout Effects) -> Void
    ) {
        let callers = recording.waiting
        recording.waiting = []
        for caller in callers {
            answer(self, caller, &effects)
            answered(caller)
        }
    }

    /// Everybody hears that what follows is not in the file, but for those who are answered.
    private func tellEnd(_ file: String, _ reason: RecordingEnd, _ effects: inout Effects) {
        for index in 0..<sessions.count where !sessions[index].isClosing {
            let connection = sessions.id(at: index)
            if recording.waiting.contains(where: { $0.connection == connection }) { continue }
            effects.address(connection)
            effects.text.append("* note : the recording ")
            effects.text.append(text: file)
            effects.text.append(" has ended: ")
            effects.text.append(text: reason.rawValue)
            effects.text.endLine()
        }
    }

    private func showRecording(_ caller: Caller, _ effects: inout Effects) {
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" state=", word: recording.isOn ? "on" : "off")
        effects.text.append(" rule=")
        effects.text.append(text: recording.rule.rawValue)
        if let file = recording.file {
            effects.text.append(" file=")
            effects.text.append(text: file)
        }
        if recording.rule != .never, recording.end == nil, let bytes = recordedBytes {
            effects.text.pair(" bytes=", bytes)
        }
        if let end = recording.end {
            effects.text.append(" reason=")
            effects.text.append(text: end)
        }
        effects.text.endLine()
    }
}
