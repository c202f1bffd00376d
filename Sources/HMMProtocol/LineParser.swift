/// The one forward pass over a line that decides its framing and its meaning.
struct LineParser {
    private let verbs: VerbTable
    private let literalLimit: Int
    private let argumentLimit: Int
    private(set) var tag = Tag.none
    /// Octets that follow the line.
    private(set) var literal: UInt64?
    /// Where the next line begins cannot be known: the connection has to close.
    private(set) var framingLost = false
    private var at = 0

    @inline(__always)
    init(_ verbs: VerbTable, literalLimit: Int, argumentLimit: Int) {
        self.verbs = verbs
        self.literalLimit = literalLimit
        self.argumentLimit = argumentLimit
    }

    /// The request on `line`, given without its end; nil when it is empty or a comment. Whether it throws or not,
    /// `tag`, `literal` and `framingLost` say how to go on.
    @inline(__always)
    mutating func parse(_ line: Span<UInt8>) throws(Failure) -> Request? {
        if line.isEmpty { return nil }
        if line[0] == UInt8(ascii: ";") {
            // A comment has no literal, so what is wrong with it never costs the framing.
            try checkComment(line)
            return nil
        }
        do throws(Failure) {
            return try request(line)
        } catch {
            recoverFraming(line, error)
            throw error
        }
    }

    /// After an error: what would tell where the next line begins is at the end of this one, if anywhere.
    @inline(never)
    private mutating func recoverFraming(_ line: Span<UInt8>, _ failure: Failure) {
        guard literal == nil, !framingLost else { return }
        if looksLikeHTTP(line) { framingLost = true }
        var braces = false
        for index in line.indices where line[index] == UInt8(ascii: "{") { braces = true }
        guard braces else { return }
        // The rest may be well formed although this argument was not: go on to the literal at its end.
        while at < line.count {
            if line[at] == UInt8(ascii: "{"), let count = try? literalValue(line), at == line.count {
                literal = count
                return
            }
            if line[at] == UInt8(ascii: "\""), (try? skipQuoted(line)) != nil { continue }
            at += 1
        }
        framingLost = failure.code == .syntax
    }

    private func looksLikeHTTP(_ line: Span<UInt8>) -> Bool {
        for start in ["GET ", "POST ", "HEAD ", "PUT ", "Host:", "CONNECT "]
        where line.count >= start.utf8.count && Values.equals(line, 0..<start.utf8.count, start) { return true }
        return false
    }

    private func checkComment(_ line: Span<UInt8>) throws(Failure) {
        for index in line.indices where !Characters.isText(line[index]) {
            throw Self.illegalByte(line[index], index)
        }
    }

    /// As `parse`, for a table of other verbs: which of them the line names, with its arguments.
    mutating func parseCommand(_ line: Span<UInt8>) throws(Failure) -> Command? {
        if line.isEmpty { return nil }
        if line[0] == UInt8(ascii: ";") {
            try checkComment(line)
            return nil
        }
        do throws(Failure) {
            let verb = try findVerb(line)
            var arguments = Arguments()
            try readArguments(line, verb, &arguments)
            return Command(number: Int(verb.pointee.number), tag: tag, arguments: arguments)
        } catch {
            recoverFraming(line, error)
            throw error
        }
    }

    @inline(__always)
    private mutating func request(_ line: Span<UInt8>) throws(Failure) -> Request {
        let verb = try findVerb(line)
        var arguments = Arguments()
        try readArguments(line, verb, &arguments)
        return try VerbName(rawValue: verb.pointee.number).unsafelyUnwrapped.decode(arguments)
    }

    @inline(__always)
    private mutating func findVerb(_ line: Span<UInt8>) throws(Failure) -> UnsafePointer<CompiledVerb> {
        if line[0] == UInt8(ascii: "#") { try readTag(line) }
        let start = at
        if let (verb, length) = verbs.findShort(line, from: start) {
            at += length
            return verb
        }
        while at < line.count, Characters.isName(line[at]) { at += 1 }
        guard at > start, Characters.isLower(line[start]), at == line.count || line[at] == UInt8(ascii: " ") else {
            throw badVerb(line, start)
        }
        guard let name = ShortName(line, start..<at), let verb = verbs.find(name) else {
            try skipArguments(line)
            throw Failure(.unknownVerb, "no such verb; `help` lists them")
        }
        return verb
    }

    @inline(never)
    private func badVerb(_ line: Span<UInt8>, _ start: Int) -> Failure {
        if at < line.count, !Characters.isText(line[at]) { return Self.illegalByte(line[at], at) }
        return Failure(.syntax, "a request is `[#tag ]verb [arguments]`, the verb in lower case")
    }

    private mutating func readTag(_ line: Span<UInt8>) throws(Failure) {
        at = 1
        while at < line.count, Characters.isTag(line[at]) { at += 1 }
        guard at > 1, at <= 1 + ShortName.capacity, at < line.count, line[at] == UInt8(ascii: " "),
            let name = ShortName(line, 1..<at)
        else {
            throw Failure(.syntax, "a tag is `#` and 1 to 32 of `A-Z a-z 0-9 . _ -`, then one space and a verb")
        }
        tag = name
        at += 1
    }

    /// Reads every argument of `verb`. Meaning is judged as it goes; the first error wins, but the line is read to its
    /// end, because a literal there belongs to the framing.
    @inline(__always)
    private mutating func readArguments(
        _ line: Span<UInt8>, _ verb: UnsafePointer<CompiledVerb>, _ arguments: inout Arguments
    ) throws(Failure) {
        var position = 0
        var count = 0
        var firstError: Failure?
        readLeadingNumbers(line, verb, &position, &arguments)
        if at == line.count, verb.pointee.required & ~arguments.present == 0 { return }
        count = position
        while let token = try nextArgument(line) {
            count += 1
            if firstError != nil { continue }
            if count > argumentLimit {
                firstError = Failure(.tooLong, "more than \(argumentLimit) arguments")
                continue
            }
            do throws(Failure) {
                let index = try place(line, token, verb, &position, arguments.present)
                try convert(
                    line, token, verb.pointee.arguments.baseAddress.unsafelyUnwrapped + index, index, &arguments)
                arguments.present |= 1 &<< UInt32(truncatingIfNeeded: index)
            } catch {
                firstError = error
            }
        }
        if let firstError { throw firstError }
        let missing = verb.pointee.required & ~arguments.present
        if missing != 0 { throw Self.missing(verb, missing) }
    }

    /// Numbers given by position, as nearly every request begins: read in one pass. Stops before anything else.
    @inline(__always)
    private mutating func readLeadingNumbers(
        _ line: Span<UInt8>, _ verb: UnsafePointer<CompiledVerb>, _ position: inout Int, _ arguments: inout Arguments
    ) {
        let specs = verb.pointee.arguments
        while position < specs.count, specs[position].form < .choice, at < line.count,
            line[at] == UInt8(ascii: " "), let number = Values.scanNumber(line, from: at + 1),
            Self.accepts(number.value, specs[position].form)
        {
            arguments.values[position] = number.value
            arguments.present |= 1 &<< UInt32(truncatingIfNeeded: position)
            position += 1
            at = number.end
        }
    }

    @inline(never)
    private static func missing(_ verb: UnsafePointer<CompiledVerb>, _ missing: UInt32) -> Failure {
        let argument = verb.pointee.arguments[missing.trailingZeroBitCount].name
        return Failure(.missing, "`\(verb.pointee.name)` needs `\(argument)`; try `help \(verb.pointee.name)`")
    }

    // MARK: Tokens

    private struct Token {
        enum Shape: UInt8 { case atom, quoted, literal }
        /// Empty for a positional argument.
        var key: Range<Int>
        /// Without quotes; for a literal its digits.
        var value: Range<Int>
        var shape: Shape
    }

    /// The next argument, or nil at the end of the line.
    @inline(__always)
    private mutating func nextArgument(_ line: Span<UInt8>) throws(Failure) -> Token? {
        guard at < line.count else { return nil }
        guard line[at] == UInt8(ascii: " ") else { throw expectedSpace(line) }
        while at < line.count, line[at] == UInt8(ascii: " ") { at += 1 }
        guard at < line.count else { return nil }
        var start = at
        while at < line.count, Characters.isAtom(line[at]) { at += 1 }
        var key = start..<start
        if at < line.count, line[at] == UInt8(ascii: "=") {
            key = start..<at
            guard Values.isName(line, key) else { return try padded(line, start, start..<start) }
            at += 1
            start = at
            while at < line.count, Characters.isAtom(line[at]) { at += 1 }
            if at < line.count, line[at] == UInt8(ascii: "=") { return try padded(line, start, key) }
        }
        if at > start { return Token(key: key, value: start..<at, shape: .atom) }
        return try bracketed(line, key)
    }

    /// A value that holds an equals sign, which only the padding of `b64:` may.
    @inline(never)
    private mutating func padded(
        _ line: Span<UInt8>, _ start: Int, _ key: Range<Int>
    ) throws(Failure) -> Token {
        guard Values.equals(line, start..<min(start + 4, at), "b64:") else {
            throw Failure(.syntax, key.isEmpty ? "a key is a name in lower case" : "a value cannot hold `=`")
        }
        let digits = at
        while at < line.count, at < digits + 2, line[at] == UInt8(ascii: "=") { at += 1 }
        return Token(key: key, value: start..<at, shape: .atom)
    }

    private mutating func bracketed(_ line: Span<UInt8>, _ key: Range<Int>) throws(Failure) -> Token {
        guard at < line.count else { throw Failure(.syntax, "a value is missing after `=`") }
        let start = at
        switch line[at] {
        case UInt8(ascii: "\""):
            try skipQuoted(line)
            return Token(key: key, value: start + 1..<at - 1, shape: .quoted)
        case UInt8(ascii: "{"):
            literal = try literalValue(line)
            if at < line.count {
                framingLost = true
                throw Failure(.syntax, "a literal must be the last thing on its line")
            }
            return Token(key: key, value: start..<at, shape: .literal)
        case UInt8(ascii: " "): throw Failure(.syntax, "a value is missing after `=`")
        default: throw expectedSpace(line)
        }
    }

    @inline(never)
    private func expectedSpace(_ line: Span<UInt8>) -> Failure {
        Characters.isText(line[at])
            ? Failure(.syntax, "unexpected character at column \(at + 1)") : Self.illegalByte(line[at], at)
    }

    private static func illegalByte(_ byte: UInt8, _ index: Int) -> Failure {
        let name =
            switch byte {
            case 0: "NUL"
            case 13: "a bare CR"
            default: "control byte \(byte)"
            }
        return Failure(.syntax, "\(name) at column \(index + 1); only a literal may hold it")
    }

    private mutating func skipQuoted(_ line: Span<UInt8>) throws(Failure) {
        at += 1
        while at < line.count, line[at] != UInt8(ascii: "\"") {
            if line[at] == UInt8(ascii: "\\") {
                at += 1
                guard at < line.count else { break }
                try checkEscape(line)
            } else if !Characters.isPlain(line[at]) {
                throw Self.illegalByte(line[at], at)
            }
            at += 1
        }
        guard at < line.count else { throw Failure(.syntax, "a quoted value has no closing quote") }
        at += 1
    }

    private func checkEscape(_ line: Span<UInt8>) throws(Failure) {
        switch line[at] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"): return
        case UInt8(ascii: "x"):
            if at + 2 < line.count, Characters.hexValue(line[at + 1]) != nil, Characters.hexValue(line[at + 2]) != nil {
                return
            }
        default: break
        }
        throw Failure(.syntax, "escapes are \\\" \\\\ \\n \\r \\t and \\xHH")
    }

    /// Reads `{digits}`; a count over the limit cannot be skipped, so it costs the connection.
    private mutating func literalValue(_ line: Span<UInt8>) throws(Failure) -> UInt64 {
        var end = at + 1
        while end < line.count, Characters.isDigit(line[end]) { end += 1 }
        let digits = at + 1..<end
        guard end < line.count, line[end] == UInt8(ascii: "}"), digits.count > 0 else {
            framingLost = true
            throw Failure(.syntax, "a literal is `{count}`")
        }
        guard digits.count <= 10, let count = Values.number(line, digits), count <= UInt64(literalLimit) else {
            framingLost = true
            throw Failure(.tooLong, "a literal has at most \(literalLimit) octets")
        }
        at = end + 1
        return count
    }

    /// Reads the arguments of a verb nobody knows, for the sake of framing.
    private mutating func skipArguments(_ line: Span<UInt8>) throws(Failure) {
        while try nextArgument(line) != nil {}
    }

    // MARK: Meaning

    /// Which argument of `verb` the token is.
    @inline(__always)
    private func place(
        _ line: Span<UInt8>, _ token: Token, _ verb: UnsafePointer<CompiledVerb>, _ position: inout Int,
        _ present: UInt32
    ) throws(Failure) -> Int {
        let arguments = verb.pointee.arguments
        if token.key.isEmpty {
            if verb.pointee.variadic { return 0 }
            guard position < arguments.count else {
                throw Failure(.badArgument, "too many arguments; try `help \(verb.pointee.name)`")
            }
            if position < 0 { throw Failure(.badArgument, "an argument without a key cannot follow one with a key") }
            position += 1
            return position - 1
        }
        position = Int.min
        guard let key = ShortName(line, token.key) else { throw unknownKey(verb) }
        for index in arguments.indices where arguments[index].name == key {
            guard present & (1 &<< UInt32(truncatingIfNeeded: index)) == 0 || verb.pointee.variadic else {
                throw Failure(.badArgument, "`\(key)` is given twice")
            }
            return index
        }
        throw unknownKey(verb)
    }

    @inline(never)
    private func unknownKey(_ verb: UnsafePointer<CompiledVerb>) -> Failure {
        Failure(.badArgument, "unknown argument; try `help \(verb.pointee.name)`")
    }

    @inline(__always)
    private func convert(
        _ line: Span<UInt8>, _ token: Token, _ argument: UnsafePointer<CompiledArgument>, _ index: Int,
        _ arguments: inout Arguments
    ) throws(Failure) {
        guard argument.pointee.form != .other, token.shape == .atom else {
            return try convertOther(line, token, argument.pointee, index, &arguments)
        }
        if argument.pointee.form == .choice {
            guard let choice = Values.choice(line, token.value, argument.pointee.words) else {
                throw Self.badValue(argument.pointee)
            }
            arguments.values[index] = choice
            return
        }
        guard let value = Values.number(line, token.value), Self.accepts(value, argument.pointee.form) else {
            throw Self.badValue(argument.pointee)
        }
        arguments.values[index] = value
    }

    @inline(__always)
    private static func accepts(_ value: UInt64, _ form: CompiledArgument.Form) -> Bool {
        switch form {
        case .id: value > 0 && value <= UInt64(UInt32.max)
        case .page: value & 4095 == 0
        case .length: value > 0
        case .pages: value > 0 && value & 4095 == 0
        case .number, .address, .choice, .other: true
        }
    }

    @inline(never)
    private static func badValue(_ argument: borrowing CompiledArgument) -> Failure {
        let expected =
            switch argument.kind {
            case .number: "a number (decimal with k m g t p, or 0x…) that fits 64 bits"
            case .id: "a number from 1 to 4294967295"
            case .address: "an address that fits 64 bits"
            case .page: "a page-aligned address"
            case .length: "a length of at least 1 that fits 64 bits"
            case .pages: "a whole number of pages, at least one (4096 bytes, or 1p)"
            case .name: "a name: a lower-case letter, then up to 31 of a-z 0-9 . -"
            case .data: "data: an atom, \"quoted\", hex:…, b64:… or a literal {count}"
            case .pattern: "a pattern: two hex digits HH, HH+, ints or -ints"
            case .numbers: "numbers"
            case .flag, .choice, .choices, .protection: argument.kind.form
            }
        return Failure(.badArgument, "`\(argument.name)` takes \(expected)")
    }

    @inline(never)
    private func convertOther(
        _ line: Span<UInt8>, _ token: Token, _ argument: borrowing CompiledArgument, _ index: Int,
        _ arguments: inout Arguments
    ) throws(Failure) {
        if argument.kind == .data {
            guard let data = octets(line, token) else { throw Self.badValue(argument) }
            arguments.set(data: data, isLiteral: token.shape == .literal)
            return
        }
        guard token.shape == .atom else { throw Self.badValue(argument) }
        switch argument.kind {
        case .name:
            guard let name = Values.name(line, token.value) else { throw Self.badValue(argument) }
            arguments.set(name: name, isSecond: argument.isSecondName)
        case .choices:
            guard let bits = Values.choices(line, token.value, argument.words) else { throw Self.badValue(argument) }
            arguments.values[index] = bits
        case .protection:
            guard let bits = Values.protection(line, token.value) else { throw Self.badValue(argument) }
            arguments.values[index] = UInt64(bits.rawValue)
        case .pattern:
            guard let pattern = Pattern(line, token.value) else { throw Self.badValue(argument) }
            arguments.values[index] = pattern.number
        case .numbers:
            guard let number = Values.number(line, token.value) else { throw Self.badValue(argument) }
            if arguments.has(index) { arguments.append(number: number) } else { arguments.values[index] = number }
        case .number, .id, .address, .page, .length, .pages, .flag, .choice, .data: throw Self.badValue(argument)
        }
    }

    private func octets(_ line: Span<UInt8>, _ token: Token) -> [UInt8]? {
        switch token.shape {
        case .atom: Values.atom(line, token.value)
        case .quoted: Values.quoted(line, token.value)
        case .literal: []
        }
    }
}
