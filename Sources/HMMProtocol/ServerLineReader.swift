/// Cuts what a server sends into lines, each with the octets of its literal.
///
/// Feed it bytes as they come; memory is bounded by one line and one literal beyond what was fed and not yet taken.
public struct ServerLineReader: Sendable {
    /// A line, decoded and as it was sent.
    public struct Item: Equatable, Sendable {
        /// The octets of the line, its end excluded.
        public var bytes: [UInt8]
        /// The octets that followed it; nil unless the line announced some.
        public var literal: [UInt8]?
        /// The same, decoded; a literal has its octets.
        public var line: ServerLine

        public init(bytes: [UInt8], literal: [UInt8]? = nil, line: ServerLine) {
            self.bytes = bytes
            self.literal = literal
            self.line = line
        }

        /// The line as text; what is not UTF-8 is replaced.
        public var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    /// Longest line in bytes. Rows may be far longer than requests.
    public var lineLimit: Int
    /// Largest literal in octets.
    public var literalLimit: Int
    private var buffer: [UInt8] = []
    /// Bytes of `buffer` already taken.
    private var start = 0
    /// Bytes of `buffer` known to hold no line end.
    private var searched = 0
    /// A line whose literal has not come in full.
    private var open: (item: Item, count: Int)?
    private var failure: ServerLineError?

    public init(lineLimit: Int = 1 << 20, literalLimit: Int = 1 << 20) {
        self.lineLimit = lineLimit
        self.literalLimit = literalLimit
    }

    /// Bytes of a line or a literal have come, but not all.
    public var isMidLine: Bool { open != nil || start < buffer.count }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        compact()
        buffer.append(contentsOf: bytes)
    }

    public mutating func append(_ bytes: some Sequence<UInt8>) {
        compact()
        buffer.append(contentsOf: bytes)
    }

    private mutating func compact() {
        guard start > 0, start == buffer.count || start > 1 << 16 else { return }
        buffer.removeFirst(start)
        searched -= start
        start = 0
    }

    /// The next whole line, or nil when more bytes are needed.
    ///
    /// - Throws: the first error is final, because what follows cannot be trusted; every later call repeats it.
    public mutating func next() throws(ServerLineError) -> Item? {
        if let failure { throw failure }
        do throws(ServerLineError) {
            return try advance()
        } catch {
            failure = error
            throw error
        }
    }

    private mutating func advance() throws(ServerLineError) -> Item? {
        if open == nil {
            guard let bytes = try takeLine() else { return nil }
            let line = try ServerLine(bytes.span)
            guard case .literal(let count, _)? = line.pairs.last?.value else { return Item(bytes: bytes, line: line) }
            guard count <= literalLimit else { throw error(bytes, "a literal of more than \(literalLimit) octets") }
            open = (Item(bytes: bytes, line: line), count)
        }
        guard let (item, count) = open, let literal = try takeLiteral(count, of: item) else { return nil }
        open = nil
        return Self.attach(literal, to: item)
    }

    /// The next line without its end, CR included in the end.
    private mutating func takeLine() throws(ServerLineError) -> [UInt8]? {
        let from = max(start, searched)
        guard let end = buffer[from...].firstIndex(of: 10) else {
            searched = buffer.count
            if buffer.count - start > lineLimit { throw tooLong() }
            return nil
        }
        guard end - start <= lineLimit else { throw tooLong() }
        let hasReturn = end > start && buffer[end - 1] == 13
        let line = Array(buffer[start..<(hasReturn ? end - 1 : end)])
        start = end + 1
        searched = start
        return line
    }

    private mutating func takeLiteral(_ count: Int, of item: Item) throws(ServerLineError) -> [UInt8]? {
        guard buffer.count - start > count else { return nil }
        var end = start + count
        if buffer[end] == 13 {
            end += 1
            guard end < buffer.count else { return nil }
        }
        guard buffer[end] == 10 else { throw error(item.bytes, "no line end after the octets of a literal") }
        let literal = Array(buffer[start..<start + count])
        start = end + 1
        searched = start
        return literal
    }

    private static func attach(_ literal: [UInt8], to item: Item) -> Item {
        guard case .row(let tag, var pairs) = item.line, !pairs.isEmpty else { return item }
        pairs[pairs.count - 1].value = .literal(count: literal.count, octets: literal)
        return Item(bytes: item.bytes, literal: literal, line: .row(tag: tag, pairs: pairs))
    }

    private func tooLong() -> ServerLineError {
        error(Array(buffer[start..<min(buffer.count, start + 200)]), "a line of more than \(lineLimit) bytes")
    }

    private func error(_ line: [UInt8], _ reason: String) -> ServerLineError {
        ServerLineError(reason: reason, column: 1, line: String(decoding: line.prefix(200), as: UTF8.self))
    }
}
