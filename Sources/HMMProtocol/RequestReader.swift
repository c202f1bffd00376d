/// Turns the bytes of one connection into requests: finds lines, parses them, collects literals.
///
/// Whole lines are parsed where they lie; only what is cut by the end of the input is copied.
public struct RequestReader: ~Copyable {
    public enum Item: Equatable, Sendable {
        case request(Tag, Request)
        /// The refusal of something that is no request; `closes` when the next line cannot be found.
        case failure(Tag, Failure, closes: Bool)
    }

    private enum State: UInt8 {
        case line
        /// Waiting for the octets of a literal.
        case literal
        /// Waiting for the line end after a literal.
        case literalEnd
        case closed
    }

    private let limits: Limits
    private let verbs = VerbTable.shared
    private var state = State.line
    /// What waits for its literal. Beside the state and not in it, so that looking at the state copies nothing.
    private var waiting: Item?
    /// Octets of the literal that are still to come.
    public private(set) var missingLiteral = 0
    /// The start of a line whose end has not come.
    private var partial: [UInt8] = []
    private var body: [UInt8] = []
    /// Bytes of the line that waits for its literal, its end included.
    private var waitingLine = 0

    public init(limits: Limits) { self.limits = limits }

    /// A request has begun and not ended: the time for a line runs.
    public var isMidRequest: Bool {
        switch state {
        case .line: !partial.isEmpty
        case .literal, .literalEnd: true
        case .closed: false
        }
    }

    /// Bytes of the request that has begun and not ended: as many of the last ones consumed are its.
    public var unfinishedCount: Int {
        switch state {
        case .line: partial.count
        case .literal, .literalEnd: waitingLine + body.count + partial.count
        case .closed: 0
        }
    }

    /// Bytes kept of it.
    @inline(__always)
    public var keptCount: Int { body.count + partial.count }

    /// The next item in `bytes` from `offset`, which moves past what was consumed; nil when more input is needed.
    @inline(__always)
    public mutating func next(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Item? {
        if state == .line, partial.isEmpty {
            // The common case: a whole line lies in the input.
            while offset < bytes.count {
                guard let end = Self.lineEnd(bytes, from: offset) else { break }
                let start = offset
                offset = end + 1
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                if let item = take(line) { return item }
                guard state == .line else { return nextSlow(bytes, &offset) }
            }
        }
        return nextSlow(bytes, &offset)
    }

    @inline(never)
    private mutating func nextSlow(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Item? {
        while true {
            switch state {
            case .closed:
                offset = bytes.count
                return nil
            case .line:
                guard offset < bytes.count else { return nil }
                if let item = collectLine(bytes, &offset) { return item }
            case .literal:
                let count = min(missingLiteral, bytes.count - offset)
                body.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
                offset += count
                missingLiteral -= count
                guard missingLiteral == 0 else { return nil }
                state = .literalEnd
            case .literalEnd:
                guard offset < bytes.count else { return nil }
                if let item = endLiteral(bytes, &offset) { return item }
            }
        }
    }

    /// Adds to the partial line; an item, or nil with the state or the offset moved on.
    private mutating func collectLine(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Item? {
        let end = Self.lineEnd(bytes, from: offset)
        let piece = UnsafeRawBufferPointer(rebasing: bytes[offset..<(end ?? bytes.count)])
        offset = end.map { $0 + 1 } ?? bytes.count
        guard partial.count + piece.count < limits.line else { return lineTooLong() }
        partial.append(contentsOf: piece)
        guard end != nil else { return nil }
        let line = partial
        partial = []
        return line.withUnsafeBytes { take($0) }
    }

    private mutating func lineTooLong() -> Item {
        state = .closed
        partial = []
        return .failure(.none, Failure(.tooLong, "a line has at most \(limits.line) bytes"), closes: true)
    }

    private mutating func endLiteral(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Item? {
        let byte = bytes[offset]
        offset += 1
        if byte == 13, partial.isEmpty {
            partial = [13]
            return nil
        }
        partial = []
        guard byte == 10 else {
            state = .closed
            return .failure(
                .none, Failure(.syntax, "a line end must follow the octets of a literal"), closes: true)
        }
        state = .line
        let item = waiting
        waiting = nil
        let octets = body
        body = []
        guard case .request(let tag, var request) = item else { return item }
        request.receive(literal: octets)
        return .request(tag, request)
    }

    /// Parses one line; nil when it is blank or a literal has to come first.
    @inline(__always)
    private mutating func take(_ line: UnsafeRawBufferPointer) -> Item? {
        guard line.count < limits.line else { return lineTooLong() }
        let length = line.count > 0 && line[line.count - 1] == 13 ? line.count - 1 : line.count
        let span = UnsafeBufferPointer(
            start: line.baseAddress?.assumingMemoryBound(to: UInt8.self), count: length
        ).span
        var parser = LineParser(verbs, literalLimit: limits.literal, argumentLimit: limits.arguments)
        let item: Item
        do throws(Failure) {
            guard let request = try parser.parse(span) else { return nil }
            item = .request(parser.tag, request)
        } catch {
            item = .failure(parser.tag, error, closes: parser.framingLost)
        }
        if parser.literal == nil, !parser.framingLost { return item }
        return hold(item, parser, line.count + 1)
    }

    /// An item that costs the connection, or one whose literal has to come first.
    @inline(never)
    private mutating func hold(_ item: Item, _ parser: LineParser, _ length: Int) -> Item? {
        guard !parser.framingLost else {
            state = .closed
            return item
        }
        body = []
        missingLiteral = Int(parser.literal ?? 0)
        body.reserveCapacity(missingLiteral)
        waiting = item
        waitingLine = length
        state = .literal
        return nil
    }

    // MARK: Literals without a copy

    /// Lets `fill` write up to `missingLiteral` octets straight into the literal; it returns how many it wrote.
    public mutating func fillLiteral(_ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        guard missingLiteral > 0 else { return 0 }
        let start = body.count
        let window = min(missingLiteral, 65536)
        body.append(contentsOf: repeatElement(0, count: window))
        let written = body.withUnsafeMutableBytes { fill(UnsafeMutableRawBufferPointer(rebasing: $0[start...])) }
        body.removeLast(window - written)
        missingLiteral -= written
        if missingLiteral == 0 { state = .literalEnd }
        return written
    }

    // MARK: Line ends

    /// The position of the next LF, eight bytes at a time.
    @inline(__always)
    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var at = start
        let ones: UInt64 = 0x0101_0101_0101_0101
        while at + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) ^ (ones &* 10)
            let hit = (word &- ones) & ~word & (ones << 7)
            if hit != 0 { return at + (hit.trailingZeroBitCount >> 3) }
            at += 8
        }
        while at < bytes.count {
            if bytes[at] == 10 { return at }
            at += 1
        }
        return nil
    }
}
