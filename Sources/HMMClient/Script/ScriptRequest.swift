internal import HMMProtocol

/// One request of a script: the octets to send, and what answer they will have.
package struct ScriptRequest: Equatable, Sendable {
    package enum Lane: Equatable, Sendable {
        /// Answered in order, one at a time.
        case untagged
        /// Answered whenever it is done.
        case tagged(String)
        /// `ack`: no answer, and in nobody's way.
        case acknowledgement
    }

    /// Line and literal, as the script has them.
    package var octets: [UInt8]
    package var lane: Lane
    /// The script ends the connection itself.
    package var isQuit: Bool

    /// Nil for a blank line or a comment, which have no answer.
    init?(line: ArraySlice<UInt8>) {
        guard !line.isEmpty, line.first != UInt8(ascii: ";"), Array(line) != [13] else { return nil }
        octets = Array(line)
        let words = line.split { $0 == UInt8(ascii: " ") || $0 == 13 }.map { String(decoding: $0, as: UTF8.self) }
        var rest = words[...]
        lane = .untagged
        if let tag = words.first, tag.hasPrefix("#"), words.count > 1 {
            // A line that begins with what is no tag is refused on the untagged lane.
            let isTag = tag.utf8.count <= 33 && tag.utf8.dropFirst().allSatisfy(Self.isTagByte)
            if isTag { lane = .tagged(String(tag.dropFirst())) }
            rest = words.dropFirst()
        }
        isQuit = Array(rest) == ["quit"]
        // A malformed `ack` is refused, and so has an answer.
        let numbers = rest.dropFirst()
        if rest.first == "ack", !numbers.isEmpty, numbers.allSatisfy({ UInt64($0) != nil }) { lane = .acknowledgement }
    }

    private static func isTagByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// The count of the `{count}` that ends `line` outside quotes; nil without one.
    static func literalCount(_ line: ArraySlice<UInt8>) -> Int? {
        var inQuotes = false
        var isEscaped = false
        var brace: Int?
        for (index, byte) in zip(line.indices, line) {
            if isEscaped {
                isEscaped = false
            } else if inQuotes, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                inQuotes.toggle()
            } else if byte == UInt8(ascii: "{"), !inQuotes {
                brace = index
            }
        }
        guard let brace, !inQuotes else { return nil }
        let end = line.last == 13 ? line.endIndex - 1 : line.endIndex
        let digits = line[(brace + 1)..<max(brace + 1, end - 1)]
        guard end > brace + 2, line[end - 1] == UInt8(ascii: "}"), digits.count <= 10,
            digits.allSatisfy({ $0 &- 48 < 10 })
        else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
