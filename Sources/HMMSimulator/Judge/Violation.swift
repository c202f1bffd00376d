/// What a checker has found.
public struct Violation: Error, Equatable, Sendable, CustomStringConvertible {
    /// Who looks for what.
    public enum Checker: String, Sendable {
        /// A translation that may be used is not true.
        case translation
        /// A round goes on, or ends, when it must not.
        case round
        /// Something waits for ever.
        case liveness
        /// The invariants of the memory.
        case invariants
        /// What is read is not what was written.
        case data
        /// Something is left when everybody has gone.
        case leftovers
        /// Requests and answers do not belong together, events have gaps, lines have no form.
        case answers
        /// What comes while work is cut into slices overtakes, is lost, or acts before its turn.
        case slices
        /// Something is given that whoever runs the server does not allow, or a soft bound is passed without a word.
        case policy
        /// Sequence numbers.
        case sequence
        /// Two runs of a seed differ.
        case determinism
    }

    public let checker: Checker
    public let text: String

    public init(_ checker: Checker, _ text: String) {
        self.checker = checker
        self.text = text
    }

    public var description: String { "\(checker.rawValue): \(text)" }
}
