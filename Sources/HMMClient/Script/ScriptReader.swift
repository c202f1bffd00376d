/// Cuts a script into requests as its bytes come; a literal belongs to the request that announces it.
package struct ScriptReader: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0
    /// Where the search for a line end goes on.
    private var searched = 0
    /// A request whose literal has not come in full.
    private var open: (request: ScriptRequest, missing: Int)?
    private var isFinished = false

    package init() {}

    /// The request that ends a script that does not end itself.
    package static let quit: ScriptRequest? = {
        var reader = ScriptReader()
        reader.append("quit\n".utf8)
        return reader.next()
    }()

    package mutating func append(_ bytes: some Sequence<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            searched -= start
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The script is over: a last line needs no line end.
    package mutating func finish() { isFinished = true }

    /// The next request, or nil when more bytes are needed.
    package mutating func next() -> ScriptRequest? {
        while true {
            if open != nil { return takeLiteral() }
            guard let line = takeLine() else { return nil }
            guard var request = ScriptRequest(line: line[...]) else { continue }
            request.octets.append(10)
            guard let count = ScriptRequest.literalCount(line[...]) else { return request }
            open = (request, count)
        }
    }

    private mutating func takeLine() -> [UInt8]? {
        guard let end = buffer[searched...].firstIndex(of: 10) else {
            searched = buffer.count
            guard isFinished, start < buffer.count else { return nil }
            defer { start = buffer.count }
            return Array(buffer[start...])
        }
        defer {
            start = end + 1
            searched = start
        }
        return Array(buffer[start..<end])
    }

    /// The literal and its line end; at the end of the script what there is of it.
    private mutating func takeLiteral() -> ScriptRequest? {
        guard var request = open?.request, let count = open?.missing else { return nil }
        let available = buffer.count - start
        guard available > count || isFinished else { return nil }
        var end = start + min(count, available)
        request.octets += buffer[start..<end]
        if end < buffer.count, buffer[end] == 13, buffer.count == end + 1, !isFinished { return nil }
        if end + 1 < buffer.count, buffer[end] == 13 { end += 1 }
        if end < buffer.count, buffer[end] == 10 { end += 1 }
        // A line end that is missing is added: at the end of the script nobody types it.
        request.octets.append(10)
        start = end
        searched = start
        open = nil
        return request
    }
}
