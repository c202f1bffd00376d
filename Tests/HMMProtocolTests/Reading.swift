import HMMProtocol
import Testing

/// Octets that a client sends, and what the reader has to make of them.
struct Conversation: Sendable, CustomTestStringConvertible {
    let octets: [UInt8]
    let expected: [Expected]
    var limits = Limits()

    /// `text` is sent as it is: line ends are part of it.
    init(_ text: String, _ expected: Expected..., limits: Limits = Limits()) {
        octets = Array(text.utf8)
        self.expected = expected
        self.limits = limits
    }

    init(octets: [UInt8], _ expected: [Expected], limits: Limits = Limits()) {
        self.octets = octets
        self.expected = expected
        self.limits = limits
    }

    var testDescription: String {
        let shown = octets.prefix(70).map { (0x20...0x7e).contains($0) ? String(UnicodeScalar($0)) : "·" }.joined()
        return octets.count > 70 ? "\(shown)… (\(octets.count))" : shown
    }
}

/// What comes of a part of a conversation.
enum Expected: Sendable, Equatable {
    /// The request that this line is too.
    case request(String, tag: String = "")
    case refused(ErrorCode, tag: String = "")
    /// Refused, and nothing that follows is read.
    case closed(ErrorCode, tag: String = "")
}

/// How a stream reaches the reader.
enum Delivery: Sendable {
    case whole
    /// In two pieces, the second from this offset.
    case cut(Int)
    case singly
    /// Literals through `fillLiteral`, so many octets at a time; the rest whole.
    case filling(Int)
}

/// A reader to feed bit by bit.
final class Feed {
    private var reader: RequestReader

    init(_ limits: Limits = Limits()) { reader = RequestReader(limits: limits) }

    var missingLiteral: Int { reader.missingLiteral }
    var isMidRequest: Bool { reader.isMidRequest }

    /// What comes of these octets, all of which have to be taken.
    func take(_ bytes: UnsafeRawBufferPointer) -> [RequestReader.Item] {
        var items: [RequestReader.Item] = []
        var offset = 0
        while let item = reader.next(bytes, &offset) { items.append(item) }
        #expect(offset == bytes.count)
        return items
    }

    func take(_ text: String) -> [RequestReader.Item] { Array(text.utf8).withUnsafeBytes { take($0) } }

    /// Octets of a literal past `take`, as they come when they are decrypted in place. Returns how many were taken.
    func fill(_ bytes: UnsafeRawBufferPointer) -> Int {
        reader.fillLiteral { window in
            let count = min(window.count, bytes.count)
            window.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            return count
        }
    }
}

enum Reading {
    /// Everything the reader makes of `octets`.
    static func items(
        _ octets: [UInt8], _ delivery: Delivery = .whole, limits: Limits = Limits()
    ) -> [RequestReader.Item] {
        let feed = Feed(limits)
        return octets.withUnsafeBytes { bytes in
            let piece = { (range: Range<Int>) in UnsafeRawBufferPointer(rebasing: bytes[range]) }
            switch delivery {
            case .whole: return feed.take(bytes)
            case .cut(let offset): return feed.take(piece(0..<offset)) + feed.take(piece(offset..<bytes.count))
            case .singly: return bytes.indices.flatMap { feed.take(piece($0..<$0 + 1)) }
            case .filling(let size): return fill(bytes, size, feed)
            }
        }
    }

    /// Lines are given one at a time, so that a literal begins where a piece does.
    private static func fill(_ bytes: UnsafeRawBufferPointer, _ size: Int, _ feed: Feed) -> [RequestReader.Item] {
        var items: [RequestReader.Item] = []
        var at = 0
        while at < bytes.count {
            let missing = feed.missingLiteral
            if missing > 0 {
                let end = size < bytes.count - at ? at + size : bytes.count
                at += feed.fill(UnsafeRawBufferPointer(rebasing: bytes[at..<end]))
                #expect(feed.missingLiteral < missing)
            } else {
                let end = bytes[at...].firstIndex(of: 10).map { $0 + 1 } ?? bytes.count
                items += feed.take(UnsafeRawBufferPointer(rebasing: bytes[at..<end]))
                at = end
            }
        }
        return items
    }

    /// The request on a line that has to be one.
    static func request(_ line: String, sourceLocation: SourceLocation = #_sourceLocation) -> Request? {
        guard case .request(let tag, let request)? = items(Array("\(line)\n".utf8)).first, tag.isEmpty else {
            Issue.record("no request: \(line)", sourceLocation: sourceLocation)
            return nil
        }
        return request
    }

    /// The refusal of a line that has to be refused.
    static func failure(_ line: String, sourceLocation: SourceLocation = #_sourceLocation) -> Failure? {
        guard case .failure(_, let failure, _)? = items(Array("\(line)\n".utf8)).first else {
            Issue.record("not refused: \(line)", sourceLocation: sourceLocation)
            return nil
        }
        return failure
    }

    /// Whether `item` is what was expected.
    static func matches(_ item: RequestReader.Item, _ expected: Expected) -> Bool {
        switch (item, expected) {
        case (.request(let tag, let request), .request(let line, let name)):
            "\(tag)" == name && request == Reading.request(line)
        case (.failure(let tag, let failure, let closes), .refused(let code, let name)):
            "\(tag)" == name && failure.code == code && failure.errno == code.errno && !closes
        case (.failure(let tag, let failure, let closes), .closed(let code, let name)):
            "\(tag)" == name && failure.code == code && failure.errno == code.errno && closes
        default: false
        }
    }

    /// Checks a conversation in every way it can be delivered.
    static func check(_ conversation: Conversation, sourceLocation: SourceLocation = #_sourceLocation) {
        let whole = items(conversation.octets, limits: conversation.limits)
        let asExpected =
            whole.count == conversation.expected.count
            && zip(whole, conversation.expected).allSatisfy(matches)
        #expect(asExpected, "\(whole) instead of \(conversation.expected)", sourceLocation: sourceLocation)
        for delivery in deliveries(conversation.octets.count) {
            let found = items(conversation.octets, delivery, limits: conversation.limits)
            #expect(found == whole, "delivered \(delivery)", sourceLocation: sourceLocation)
        }
    }

    private static func deliveries(_ count: Int) -> [Delivery] {
        (0...count).map { .cut($0) } + [.singly, .filling(1), .filling(3), .filling(.max)]
    }
}
