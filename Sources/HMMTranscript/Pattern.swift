/// What a received line has to look like.
///
/// Compared byte by byte, but for: `$name`, which binds a value or a part of one where first seen and must equal it
/// later; `*`, which matches the rest of a value; a last ` *`, which matches whatever else the line has, even nothing.
/// In the text after ` : ` a `*` matches any characters. `$$` and `\*` are a dollar and an asterisk. Between quotes
/// nothing is special, and the `*` that begins a notice is itself. What a quarter of a million tries do not settle does
/// not match: so many take stars and names in one word that nobody could tell apart.
public struct Pattern: Equatable, Sendable {
    enum Piece: Equatable, Sendable {
        case octets([UInt8])
        /// Part of a value: at least one byte, within one word.
        case name(String)
        /// Zero or more bytes of one word.
        case restOfValue
        /// Zero or more bytes.
        case anyText
        /// Nothing, or a space and anything.
        case restOfLine
    }

    /// As written.
    public let source: String
    let pieces: [Piece]

    public init(_ source: String) {
        self.source = source
        var compiler = PatternCompiler()
        pieces = compiler.compile(Array(source.utf8))
    }

    /// Whether the greeting is what is expected.
    var expectsBanner: Bool {
        guard case .octets(let start)? = pieces.first else { return pieces == [.restOfLine] }
        return start.starts(with: "* HMM/".utf8)
    }

    /// Compares `line` and returns the bindings, old and new; nil when it does not match.
    func match(_ line: [UInt8], _ bindings: [String: [UInt8]]) -> [String: [UInt8]]? {
        var tries = 1 << 18
        return match(pieces[...], line[...], bindings, &tries)
    }

    private func match(
        _ pieces: ArraySlice<Piece>, _ line: ArraySlice<UInt8>, _ bindings: [String: [UInt8]], _ tries: inout Int
    ) -> [String: [UInt8]]? {
        tries -= 1
        guard tries > 0 else { return nil }
        guard let piece = pieces.first else { return line.isEmpty ? bindings : nil }
        let rest = pieces.dropFirst()
        switch piece {
        case .octets(let octets):
            return line.starts(with: octets) ? match(rest, line.dropFirst(octets.count), bindings, &tries) : nil
        case .name(let name):
            if let value = bindings[name] {
                return line.starts(with: value) ? match(rest, line.dropFirst(value.count), bindings, &tries) : nil
            }
            for length in stride(from: Self.wordLength(line), to: 0, by: -1) {
                var bound = bindings
                bound[name] = Array(line.prefix(length))
                if let result = match(rest, line.dropFirst(length), bound, &tries) { return result }
            }
            return nil
        case .restOfValue: return matchAny(rest, line, upTo: Self.wordLength(line), bindings, &tries)
        case .anyText: return matchAny(rest, line, upTo: line.count, bindings, &tries)
        case .restOfLine:
            return line.isEmpty || line.first == UInt8(ascii: " ") || pieces.count == self.pieces.count
                ? bindings : nil
        }
    }

    private func matchAny(
        _ rest: ArraySlice<Piece>, _ line: ArraySlice<UInt8>, upTo longest: Int, _ bindings: [String: [UInt8]],
        _ tries: inout Int
    ) -> [String: [UInt8]]? {
        for length in stride(from: longest, through: 0, by: -1) {
            if let result = match(rest, line.dropFirst(length), bindings, &tries) { return result }
        }
        return nil
    }

    /// Bytes up to the next space that is not between quotes.
    private static func wordLength(_ line: ArraySlice<UInt8>) -> Int {
        var inQuotes = false
        var escaped = false
        for (length, byte) in line.enumerated() {
            if escaped {
                escaped = false
            } else if inQuotes, byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                inQuotes.toggle()
            } else if byte == UInt8(ascii: " "), !inQuotes {
                return length
            }
        }
        return line.count
    }
}

/// The forward pass over the text of a pattern.
private struct PatternCompiler {
    private var pieces: [Pattern.Piece] = []
    private var plain: [UInt8] = []
    private var inQuotes = false
    private var inText = false

    mutating func compile(_ source: [UInt8]) -> [Pattern.Piece] {
        var at = 0
        while at < source.count { at += take(source, at) }
        flush()
        return pieces
    }

    /// Takes what is at `at` and returns its length.
    private mutating func take(_ source: [UInt8], _ at: Int) -> Int {
        let byte = source[at]
        let next = at + 1 < source.count ? source[at + 1] : nil
        if inQuotes {
            plain.append(byte)
            if byte == UInt8(ascii: "\\"), let next {
                plain.append(next)
                return 2
            }
            if byte == UInt8(ascii: "\"") { inQuotes = false }
            return 1
        }
        if let (piece, length) = Template.dollar(source[at...]) {
            switch piece {
            case .octets(let octets): plain += octets
            case .name(let name): add(.name(name))
            }
            return length
        }
        switch byte {
        case UInt8(ascii: "\\") where next == UInt8(ascii: "*"):
            plain.append(UInt8(ascii: "*"))
            return 2
        case UInt8(ascii: "*") where at > 0 || next != UInt8(ascii: " "):
            star(isLast: next == nil, at: at)
        case UInt8(ascii: "\"") where !inText:
            inQuotes = true
            plain.append(byte)
        case UInt8(ascii: ":") where plain.last == UInt8(ascii: " "):
            inText = true
            plain.append(byte)
        default: plain.append(byte)
        }
        return 1
    }

    private mutating func star(isLast: Bool, at: Int) {
        if inText { return add(.anyText) }
        if isLast, at == 0 { return add(.restOfLine) }
        if isLast, plain.last == UInt8(ascii: " ") {
            plain.removeLast()
            return add(.restOfLine)
        }
        add(.restOfValue)
    }

    private mutating func add(_ piece: Pattern.Piece) {
        flush()
        // Two stars are one.
        if piece == pieces.last, piece == .restOfValue || piece == .anyText { return }
        pieces.append(piece)
    }

    private mutating func flush() {
        if !plain.isEmpty { pieces.append(.octets(plain)) }
        plain = []
    }
}
