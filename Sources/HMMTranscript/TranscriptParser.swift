/// Reads the text form of a transcript, line by line.
///
/// ```
/// ;; heading
/// ; remark
/// @connect P tenant=ci     a connection; without it one is opened on first use, for tenant ci
/// P> mm.create             P sends a line
/// P< + mm=$mm              P receives a line
/// P>| hello                octets after a line, then LF; P>|+ without LF; "quoted" for binary, "\x00" x4096 repeated
/// P<| hello                the literal of the received line; P<|+ when more of it follows
/// @raw P "ping\r"          octets as they are
/// @quiet P A               nothing more has come
/// @advance 1000ms          time passes
/// @cut P                   the transport vanishes
/// @eof P                   the server has closed
/// ```
///
/// Blank lines separate. The greeting is passed over unless expected; at the end every connection must be quiet.
public struct TranscriptParser {
    private let file: String
    private var number = 0
    private var steps: [Transcript.Step] = []
    /// Octets of `P<|+` lines whose last piece has not come.
    private var openLiteral: [UInt8]?

    /// Parses `text`; `file` is what messages call it.
    ///
    /// - Throws: the first line that is not of the form.
    public static func parse(_ text: String, file: String) throws(TranscriptFailure) -> Transcript {
        var parser = TranscriptParser(file: file)
        for line in text.utf8.split(separator: 10, omittingEmptySubsequences: false) {
            parser.number += 1
            try parser.take(Array(line))
        }
        try parser.endLiteral()
        return Transcript(file: file, steps: parser.steps)
    }

    private init(file: String) { self.file = file }

    private mutating func take(_ line: [UInt8]) throws(TranscriptFailure) {
        guard let first = line.first else { return }
        switch first {
        case UInt8(ascii: ";"):
            let isHeading = line.dropFirst().first == first
            let text = Self.string(Self.dropSpace(line.dropFirst(isHeading ? 2 : 1)))
            try add(isHeading ? .heading(text) : .remark(text))
        case UInt8(ascii: "@"):
            try directive(Self.string(line.dropFirst()))
        default:
            let name = line.prefix(while: Self.isLetterOrDigit)
            let rest = line[name.endIndex...]
            guard (1...16).contains(name.count), let arrow = rest.first else { throw unknownLine() }
            switch arrow {
            case UInt8(ascii: ">"): try sent(Self.string(name), rest.dropFirst())
            case UInt8(ascii: "<"): try received(Self.string(name), rest.dropFirst())
            default: throw unknownLine()
            }
        }
    }

    private func unknownLine() -> TranscriptFailure {
        failure(
            "a line is `; remark`, `@directive`, `NAME> sent` or `NAME< received`; a name has 1 to 16 letters or digits"
        )
    }

    private mutating func add(_ action: Transcript.Action) throws(TranscriptFailure) {
        try endLiteral()
        steps.append(Transcript.Step(line: number, action: action))
    }

    private func endLiteral() throws(TranscriptFailure) {
        guard openLiteral == nil else { throw failure("a literal begun with `<|+` ends with a `<|` line") }
    }

    // MARK: Lines of a connection

    private mutating func sent(_ name: String, _ rest: ArraySlice<UInt8>) throws(TranscriptFailure) {
        guard rest.first == UInt8(ascii: "|") else {
            return try add(.send(name, Template(Self.string(try afterSpace(rest)))))
        }
        let isChunk = rest.dropFirst().first == UInt8(ascii: "+")
        let octets = try octets(rest.dropFirst(isChunk ? 2 : 1))
        try add(.sendOctets(name, isChunk ? octets : octets + [10]))
    }

    private mutating func received(_ name: String, _ rest: ArraySlice<UInt8>) throws(TranscriptFailure) {
        guard rest.first == UInt8(ascii: "|") else {
            return try add(.expect(name, Pattern(Self.string(try afterSpace(rest))), literal: nil))
        }
        guard let last = steps.last, case .expect(name, let pattern, nil) = last.action else {
            throw failure("`\(name)<|` follows a line that \(name) receives")
        }
        let isChunk = rest.dropFirst().first == UInt8(ascii: "+")
        let body = rest.dropFirst(isChunk ? 2 : 1)
        if !isChunk, openLiteral == nil, Self.string(body) == " *" {
            steps[steps.count - 1].action = .expect(name, pattern, literal: .anything)
            return
        }
        let octets = try (openLiteral ?? []) + octets(body)
        openLiteral = isChunk ? octets : nil
        if !isChunk { steps[steps.count - 1].action = .expect(name, pattern, literal: .exactly(octets)) }
    }

    private func afterSpace(_ rest: ArraySlice<UInt8>) throws(TranscriptFailure) -> ArraySlice<UInt8> {
        guard rest.isEmpty || rest.first == UInt8(ascii: " ") else {
            throw failure("a space is missing after the arrow")
        }
        return rest.dropFirst()
    }

    private func octets(_ rest: ArraySlice<UInt8>) throws(TranscriptFailure) -> [UInt8] {
        let plain = try afterSpace(rest)
        guard plain.first == UInt8(ascii: "\"") else { return Array(plain) }
        guard let octets = Octets.quoted(plain) else {
            throw failure(#"octets are `"…"` with the escapes \" \\ \n \r \t \xHH, then nothing or ` xCOUNT`"#)
        }
        return octets
    }

    // MARK: Directives

    private mutating func directive(_ text: String) throws(TranscriptFailure) {
        let words = text.split(separator: " ").map(String.init)
        let arguments = Array(words.dropFirst())
        switch words.first {
        case "connect": try add(try connect(arguments))
        case "quiet":
            guard !arguments.isEmpty else { throw failure("@quiet takes names of connections") }
            try add(.quiet(try arguments.map { word throws(TranscriptFailure) in try name(word) }))
        case "advance": try add(.advance(milliseconds: try milliseconds(arguments)))
        case "cut": try add(.cut(try only(arguments)))
        case "eof": try add(.end(try only(arguments)))
        case "raw":
            guard let word = arguments.first, let quote = text.utf8.firstIndex(of: UInt8(ascii: "\"")),
                let octets = Octets.quoted(Array(text.utf8[quote...])[...])
            else { throw failure(#"@raw takes a name and `"octets"`"#) }
            try add(.sendOctets(try name(word), octets))
        default: throw failure("directives are @connect @quiet @advance @cut @eof @raw")
        }
    }

    private func connect(_ arguments: [String]) throws(TranscriptFailure) -> Transcript.Action {
        guard let word = arguments.first, arguments.count <= 2 else {
            throw failure("@connect takes a name and perhaps `tenant=`")
        }
        guard let option = arguments.dropFirst().first else { return .connect(try name(word), tenant: "ci") }
        guard option.hasPrefix("tenant="), option.utf8.count > 7 else { throw failure("@connect knows `tenant=` only") }
        return .connect(try name(word), tenant: String(option.dropFirst(7)))
    }

    private func milliseconds(_ arguments: [String]) throws(TranscriptFailure) -> UInt64 {
        guard arguments.count == 1, let word = arguments.first else { throw failure("@advance takes a time") }
        if word.hasSuffix("ms"), let value = UInt64(word.dropLast(2)) { return value }
        if word.hasSuffix("s"), let value = UInt64(word.dropLast(1)), value < 1 << 40 { return value * 1000 }
        throw failure("a time is `250ms` or `3s`")
    }

    private func only(_ arguments: [String]) throws(TranscriptFailure) -> String {
        guard arguments.count == 1, let word = arguments.first else {
            throw failure("one name of a connection is needed")
        }
        return try name(word)
    }

    private func name(_ word: String) throws(TranscriptFailure) -> String {
        guard (1...16).contains(word.utf8.count), word.utf8.allSatisfy(Self.isLetterOrDigit) else {
            throw failure("`\(word)` is no name of a connection: 1 to 16 letters or digits")
        }
        return word
    }

    // MARK: Characters

    private func failure(_ reason: String) -> TranscriptFailure {
        TranscriptFailure(file: file, line: number, reason: reason)
    }

    static func isLetter(_ byte: UInt8) -> Bool { (byte | 32) &- 97 < 26 }
    static func isLetterOrDigit(_ byte: UInt8) -> Bool { isLetter(byte) || byte &- 48 < 10 }

    private static func dropSpace(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.first == UInt8(ascii: " ") ? bytes.dropFirst() : bytes
    }

    private static func string(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
