internal import HMMEngine
internal import HMMProtocol

/// The lines of a transcript, written so that they mean exactly what was said.
public struct TranscriptText: Sendable {
    public private(set) var bytes: [UInt8] = []

    static func name(_ id: ConnectionID) -> String { "C\(id.rawValue)" }

    /// Takes what has been written so far.
    public mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    private mutating func line(_ text: String) { bytes += Array((text + "\n").utf8) }

    mutating func heading(_ text: String) { line(";; \(text)") }
    mutating func remark(_ text: String) { line("; \(text)") }
    mutating func connect(_ id: ConnectionID) { line("@connect \(Self.name(id))") }
    mutating func cut(_ id: ConnectionID) { line("@cut \(Self.name(id))") }
    mutating func end(_ id: ConnectionID) { line("@eof \(Self.name(id))") }
    mutating func advance(milliseconds: UInt64) { line("@advance \(milliseconds)ms") }

    // MARK: Requests

    /// Octets as they are.
    mutating func sendRaw(_ id: ConnectionID, _ octets: Slice<UnsafeRawBufferPointer>) {
        line("@raw \(Self.name(id)) \(Self.quoted(octets))")
    }

    /// One request with its literal; comments and blank lines before it are left out.
    mutating func send(_ id: ConnectionID, _ source: Slice<UnsafeRawBufferPointer>) {
        var rest = source
        while true {
            guard let end = rest.firstIndex(of: 10) else { return sendRaw(id, source) }
            let hasReturn = end > rest.startIndex && rest[end - 1] == 13
            let request = rest[rest.startIndex..<(hasReturn ? end - 1 : end)]
            rest = rest[(end + 1)...]
            if request.isEmpty || request.first == UInt8(ascii: ";") { continue }
            guard request.allSatisfy(Self.isPrintable) else { return sendRaw(id, source) }
            bytes += "\(Self.name(id))> ".utf8
            for byte in request {
                if byte == UInt8(ascii: "$") { bytes.append(byte) }
                bytes.append(byte)
            }
            bytes.append(10)
            break
        }
        guard !rest.isEmpty else { return }
        // The literal, and the line end behind it.
        let isLong = rest.count >= 2 && rest[rest.endIndex - 2] == 13 && Self.hasReturn(rest, after: source)
        line("\(Self.name(id))>| \(Self.octets(rest.dropLast(isLong ? 2 : 1)))")
    }

    /// Whether the CR before the last LF is of the line end rather than of the literal: the line before says how many
    /// octets there are.
    private static func hasReturn(_ rest: Slice<UnsafeRawBufferPointer>, after source: Slice<UnsafeRawBufferPointer>)
        -> Bool
    {
        let head = source[source.startIndex..<rest.startIndex]
        guard let brace = head.lastIndex(of: UInt8(ascii: "{")) else { return false }
        let digits = head[(brace + 1)...].prefix { (48...57).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self)) == rest.count - 2
    }

    // MARK: Answers

    /// One line that the server said. Returns it as written, without the connection.
    mutating func expect(_ id: ConnectionID, _ item: ServerLineReader.Item) -> [UInt8] {
        let start = bytes.count
        bytes += "\(Self.name(id))< ".utf8
        bytes += item.bytes.allSatisfy(Self.isPrintable) ? Self.pattern(item.bytes) : [UInt8(ascii: "*")]
        bytes.append(10)
        if let literal = item.literal { line("\(Self.name(id))<| \(Self.octets(literal[...]))") }
        return Array(bytes[start...])
    }

    /// Values that are others when it is played.
    private static let masked: [[UInt8]] = ["left=", "tenant="].map { Array($0.utf8) }

    private static let recordingRow = Array(" name=recording-bytes ".utf8)

    /// The line as a pattern that only it matches, but for values that are masked.
    private static func pattern(_ line: [UInt8]) -> [UInt8] {
        // How long a recording is, and may be, is another matter.
        if line.first == UInt8(ascii: "="), let start = line.firstIndex(of: UInt8(ascii: " ")),
            line[start...].starts(with: recordingRow)
        {
            return line[..<start] + recordingRow + [UInt8(ascii: "*")]
        }
        var pattern: [UInt8] = []
        var isQuoted = false
        var at = 0
        while at < line.count {
            let byte = line[at]
            if isQuoted {
                pattern.append(byte)
                if byte == UInt8(ascii: "\\"), at + 1 < line.count {
                    at += 1
                    pattern.append(line[at])
                } else if byte == UInt8(ascii: "\"") {
                    isQuoted = false
                }
                at += 1
                continue
            }
            if at > 0, line[at - 1] == UInt8(ascii: " ") {
                // What follows is text for people.
                if byte == UInt8(ascii: ":") { return pattern + line[at...].flatMap(escaped) }
                if let key = masked.first(where: { line[at...].starts(with: $0) }) {
                    pattern += key + [UInt8(ascii: "*")]
                    at = line[at...].firstIndex(of: UInt8(ascii: " ")) ?? line.count
                    continue
                }
            }
            if byte == UInt8(ascii: "\"") { isQuoted = true }
            // The asterisk that begins a notice is itself.
            pattern += at == 0 ? [byte] : escaped(byte)
            at += 1
        }
        return pattern
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        switch byte {
        case UInt8(ascii: "$"): [byte, byte]
        case UInt8(ascii: "*"): [UInt8(ascii: "\\"), byte]
        default: [byte]
        }
    }

    // MARK: Octets

    private static func isPrintable(_ byte: UInt8) -> Bool { (0x20...0x7e).contains(byte) }

    private static func octets(_ octets: some RandomAccessCollection<UInt8>) -> String {
        let isPlain = octets.first != UInt8(ascii: "\"") && octets.allSatisfy(isPrintable)
        // A lone asterisk would match any literal.
        if isPlain, octets.count <= 1000, !octets.elementsEqual("*".utf8) {
            return String(decoding: octets, as: UTF8.self)
        }
        return quoted(octets)
    }

    private static func quoted(_ octets: some RandomAccessCollection<UInt8>) -> String {
        if let first = octets.first, octets.count > 16, octets.allSatisfy({ $0 == first }) {
            return "\"\(escape(first))\" x\(octets.count)"
        }
        return "\"" + octets.map(escape).joined() + "\""
    }

    private static func escape(_ octet: UInt8) -> String {
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): return "\\" + String(UnicodeScalar(octet))
        case 0x20...0x7e: return String(UnicodeScalar(octet))
        default:
            let digits = String(octet, radix: 16)
            return digits.utf8.count == 1 ? "\\x0" + digits : "\\x" + digits
        }
    }
}
