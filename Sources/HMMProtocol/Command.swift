/// A line in the protocol's grammar with verbs of another table, such as those of a server's operator.
public struct Command: ~Copyable {
    /// Which verb, by its place in the vocabulary.
    public let number: Int
    public let tag: Tag
    private let arguments: Arguments

    init(number: Int, tag: Tag, arguments: consuming Arguments) {
        self.number = number
        self.tag = tag
        self.arguments = arguments
    }

    /// The argument that is a name; `.none` when it was not given.
    public var name: ShortName { arguments.name }

    /// The argument in place `index`, which is a number; nil when it was not given.
    public func number(at index: Int) -> UInt64? { arguments.optional(index) }
}

/// Verbs beside those of the protocol, read with the same grammar. Their arguments are numbers, words and at most one
/// name each; none takes a literal.
public struct Vocabulary: Sendable {
    /// What a line was.
    public enum Line: ~Copyable {
        /// Blank, or a remark.
        case nothing
        case command(Command)
        /// `closes` when the next line cannot be found.
        case failure(Tag, Failure, closes: Bool)
    }

    private let table: VerbTable
    private let limits: Limits

    /// To be made once for each set of verbs: what it takes of memory is never given back.
    public init(_ specs: [VerbSpec], limits: Limits) {
        table = VerbTable(specs)
        self.limits = limits
    }

    /// Reads a line, given without its LF.
    public func read(_ line: [UInt8]) -> Line {
        guard line.count < limits.line else {
            return .failure(.none, Failure(.tooLong, "a line has at most \(limits.line) bytes"), closes: true)
        }
        let text = line.last == 13 ? line.dropLast() : line[...]
        var parser = LineParser(table, literalLimit: limits.literal, argumentLimit: limits.arguments)
        do throws(Failure) {
            guard let command = try parser.parseCommand(text.span) else { return .nothing }
            return .command(command)
        } catch {
            return .failure(parser.tag, error, closes: parser.framingLost || parser.literal != nil)
        }
    }
}
