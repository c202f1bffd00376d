/// The forward pass over one line of a server.
struct ServerLineParser {
    private var at = 0
    private let end: Int

    init(_ length: Int) { end = length }

    mutating func parse(_ line: Span<UInt8>) throws(ServerLineError) -> ServerLine {
        guard end > 0 else { throw error(line, "an empty line") }
        let kind = line[0]
        at = 1
        let result: ServerLine
        switch kind {
        case UInt8(ascii: "="):
            result = .row(tag: try tag(line), pairs: try pairs(line, atLeast: 1))
        case UInt8(ascii: "+"):
            result = .success(tag: try tag(line), pairs: try pairs(line))
        case UInt8(ascii: "-"):
            result = try failure(line)
        case UInt8(ascii: "!"):
            result = try event(line)
        case UInt8(ascii: "*"):
            result = try notice(line)
        default:
            at = 0
            throw error(line, "a line of a server begins with one of = + - ! *")
        }
        guard at == end else { throw error(line, "unexpected character") }
        if case .row = result { return result }
        if case .literal? = result.pairs.last?.value { throw error(line, "only a row may carry a literal") }
        return result
    }

    // MARK: Kinds

    private mutating func failure(_ line: Span<UInt8>) throws(ServerLineError) -> ServerLine {
        let tag = try tag(line)
        try space(line)
        let code = try upperWord(line, "an error code", limit: 32, dash: true)
        try space(line)
        guard at < end, line[at] == UInt8(ascii: "E") else { throw error(line, "an errno begins with E") }
        let errno = try upperWord(line, "an errno", limit: 16, dash: false)
        guard errno.utf8.count > 1 else { throw error(line, "an errno has more than one letter") }
        let pairs = try pairs(line)
        return .failure(tag: tag, code: code, errno: errno, pairs: pairs, text: try optionalText(line))
    }

    private mutating func event(_ line: Span<UInt8>) throws(ServerLineError) -> ServerLine {
        let start = at
        while at < end, Characters.isDigit(line[at]) { at += 1 }
        guard at > start, line[start] != UInt8(ascii: "0"), let number = Values.number(line, start..<at) else {
            throw error(line, "an event has a number from 1 to 64 bits")
        }
        try space(line)
        let name = try name(line, "the name of an event")
        return .event(number: number, name: name, pairs: try pairs(line))
    }

    private mutating func notice(_ line: Span<UInt8>) throws(ServerLineError) -> ServerLine {
        try space(line)
        if take(line, "HMM/") { return try banner(line) }
        if take(line, "note") {
            try space(line)
            return .note(text: try text(line))
        }
        if take(line, "bye") {
            try space(line)
            let code = try upperWord(line, "a code", limit: 32, dash: true)
            return .bye(code: code, text: try optionalText(line))
        }
        throw error(line, "a notice is HMM/…, note or bye")
    }

    private mutating func banner(_ line: Span<UInt8>) throws(ServerLineError) -> ServerLine {
        let start = at
        while at < end, Characters.isDigit(line[at]) { at += 1 }
        guard (1...3).contains(at - start), let version = Values.number(line, start..<at) else {
            throw error(line, "a protocol version has 1 to 3 digits")
        }
        return .banner(version: Int(version), pairs: try pairs(line))
    }

    // MARK: Parts

    /// The tag that follows the first byte, or `.none`.
    private mutating func tag(_ line: Span<UInt8>) throws(ServerLineError) -> Tag {
        let start = at
        while at < end, Characters.isTag(line[at]) { at += 1 }
        guard let tag = Tag(line, start..<at) else { throw error(line, "a tag has at most \(Tag.capacity) bytes") }
        return tag
    }

    private mutating func pairs(_ line: Span<UInt8>, atLeast least: Int = 0) throws(ServerLineError)
        -> [ServerLine.Pair]
    {
        var pairs: [ServerLine.Pair] = []
        while at + 1 < end, line[at] == UInt8(ascii: " "), line[at + 1] != UInt8(ascii: ":") {
            if case .literal? = pairs.last?.value { throw error(line, "a literal must be the last value") }
            at += 1
            let key = try name(line, "a key")
            guard at < end, line[at] == UInt8(ascii: "=") else { throw error(line, "a key is followed by =") }
            at += 1
            pairs.append(ServerLine.Pair(key, try value(line)))
        }
        guard pairs.count >= least else { throw error(line, "a row has at least one pair") }
        return pairs
    }

    private mutating func value(_ line: Span<UInt8>) throws(ServerLineError) -> ServerLine.Value {
        let start = at
        while at < end, Characters.isAtom(line[at]) { at += 1 }
        if at > start {
            // The padding of b64 is the only place where a value holds an equals sign.
            if Values.equals(line, start..<min(start + 4, at), "b64:") {
                while at < end, line[at] == UInt8(ascii: "=") { at += 1 }
            }
            return try atom(line, start..<at)
        }
        guard at < end else { throw error(line, "a value is missing") }
        switch line[at] {
        case UInt8(ascii: "\""): return .quoted(try quoted(line))
        case UInt8(ascii: "{"): return .literal(count: try literalCount(line), octets: [])
        default: throw error(line, "a value cannot begin like this")
        }
    }

    private func atom(_ line: Span<UInt8>, _ range: Range<Int>) throws(ServerLineError) -> ServerLine.Value {
        let marker = range.prefix(4)
        guard Values.equals(line, marker, "hex:") || Values.equals(line, marker, "b64:") else {
            return .atom(string(line, range))
        }
        guard let octets = Values.atom(line, range) else { throw error(line, "a malformed blob") }
        return .blob(octets)
    }

    private mutating func quoted(_ line: Span<UInt8>) throws(ServerLineError) -> [UInt8] {
        at += 1
        let start = at
        while at < end, line[at] != UInt8(ascii: "\"") {
            let isEscape = line[at] == UInt8(ascii: "\\")
            guard isEscape || Characters.isPlain(line[at]) else {
                throw error(line, "a byte that quotes cannot hold")
            }
            at += isEscape ? 2 : 1
        }
        guard at < end else { throw error(line, "no closing quote") }
        guard let octets = Values.quoted(line, start..<at) else { throw error(line, "an unknown escape") }
        at += 1
        return octets
    }

    private mutating func literalCount(_ line: Span<UInt8>) throws(ServerLineError) -> Int {
        let start = at + 1
        var stop = start
        while stop < end, Characters.isDigit(line[stop]) { stop += 1 }
        guard (1...10).contains(stop - start), stop < end, line[stop] == UInt8(ascii: "}"),
            let count = Values.number(line, start..<stop)
        else { throw error(line, "a literal is {count}, of 1 to 10 digits") }
        at = stop + 1
        return Int(count)
    }

    private mutating func name(_ line: Span<UInt8>, _ what: StaticString) throws(ServerLineError) -> String {
        let start = at
        while at < end, Characters.isName(line[at]) { at += 1 }
        guard let name = Values.name(line, start..<at) else {
            throw error(line, "\(what) has 1 to 32 of a-z 0-9 . -, the first a letter")
        }
        return name.description
    }

    private mutating func upperWord(
        _ line: Span<UInt8>, _ what: StaticString, limit: Int, dash: Bool
    ) throws(ServerLineError) -> String {
        let start = at
        while at < end {
            let byte = line[at]
            let isUpper = byte &- 65 < 26
            guard isUpper || at > start && (Characters.isDigit(byte) || dash && byte == UInt8(ascii: "-")) else {
                break
            }
            at += 1
        }
        guard at > start, at - start <= limit else {
            throw error(line, "\(what) has 1 to \(limit) capital letters or digits")
        }
        return string(line, start..<at)
    }

    private mutating func optionalText(_ line: Span<UInt8>) throws(ServerLineError) -> String {
        guard at < end else { return "" }
        try space(line)
        return try text(line)
    }

    /// The rest of the line after `: `.
    private mutating func text(_ line: Span<UInt8>) throws(ServerLineError) -> String {
        guard take(line, ": ") else { throw error(line, "text begins with a colon and a space") }
        let start = at
        while at < end, Characters.isText(line[at]) { at += 1 }
        return string(line, start..<at)
    }

    private mutating func space(_ line: Span<UInt8>) throws(ServerLineError) {
        guard at < end, line[at] == UInt8(ascii: " ") else { throw error(line, "a space is missing") }
        at += 1
    }

    private mutating func take(_ line: Span<UInt8>, _ word: String) -> Bool {
        let length = word.utf8.count
        guard at + length <= end, Values.equals(line, at..<at + length, word) else { return false }
        at += length
        return true
    }

    private func string(_ line: Span<UInt8>, _ range: Range<Int>) -> String {
        String(decoding: range.map { line[$0] }, as: UTF8.self)
    }

    private func error(_ line: Span<UInt8>, _ reason: String) -> ServerLineError {
        // A hostile line may be long: its start tells enough.
        ServerLineError(reason: reason, column: at + 1, line: string(line, 0..<min(end, 200)))
    }
}
