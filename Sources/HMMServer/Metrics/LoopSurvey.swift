internal import HMMEngine
internal import HMMProtocol
internal import Synchronization

/// Asks every event loop something, without waiting for one that does not turn.
final class LoopSurvey<Answer: Sendable>: Sendable {
    private struct State {
        var answers: [Answer?]
        var missing: Int
        var isOver = false
        var waiter: CheckedContinuation<[Answer?], Never>?
    }

    private let state: Mutex<State>

    private init(_ count: Int) {
        state = Mutex(State(answers: Array(repeating: nil, count: count), missing: count))
    }

    /// The answers in the order of the loops; nil from one that gave none within `patience`.
    static func ask(
        _ loops: [LoopContext], within patience: Duration, _ question: @escaping @Sendable (LoopContext) -> Answer
    ) async -> [Answer?] {
        let survey = LoopSurvey(loops.count)
        for (index, loop) in loops.enumerated() {
            loop.eventLoop.execute { survey.record(question(loop), at: index) }
        }
        let timer = Task {
            try await Task.sleep(for: patience)
            survey.end()
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { survey.wait($0) }
    }

    private func record(_ answer: Answer, at index: Int) {
        let isLast = state.withLock { state in
            state.answers[index] = answer
            state.missing -= 1
            return state.missing == 0
        }
        if isLast { end() }
    }

    private func wait(_ waiter: CheckedContinuation<[Answer?], Never>) {
        let isDone = state.withLock { state in
            if state.missing > 0, !state.isOver { state.waiter = waiter }
            return state.waiter == nil
        }
        if isDone { waiter.resume(returning: state.withLock { $0.answers }) }
    }

    private func end() {
        let (waiter, answers) = state.withLock { state in
            defer { state.waiter = nil }
            state.isOver = true
            return (state.waiter, state.answers)
        }
        waiter?.resume(returning: answers)
    }
}
