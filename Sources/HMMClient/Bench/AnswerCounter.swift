internal import Glibc

/// Counts the answers in the bytes of a server, without looking at more of a line than it must.
package struct AnswerCounter {
    package private(set) var answers = 0
    package private(set) var refusals = 0
    /// The first line that refused something.
    package private(set) var firstRefusal: String?
    /// Numbers of `inval` events that nobody has acknowledged.
    package var events: [UInt64] = []
    /// Octets of a literal, and the line end after it, that are still to come.
    private var literalLeft = 0

    package init() {}

    /// Looks through `bytes` and returns how many are done with; the rest is the start of a line, to be given again.
    package mutating func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var at = min(literalLeft, bytes.count)
        literalLeft -= at
        while at < bytes.count, let end = memchr(base + at, 10, bytes.count - at) {
            let next = UnsafeRawPointer(end) - base + 1
            switch bytes[at] {
            case UInt8(ascii: "+"): answers += 1
            case UInt8(ascii: "-"): refused(bytes[at..<next - 1])
            case UInt8(ascii: "="):
                // No other value than a literal ends in a brace.
                guard bytes[next - 2] == UInt8(ascii: "}") else { break }
                let length = Self.literalLength(bytes, end: next - 2) + 1
                let present = min(length, bytes.count - next)
                literalLeft = length - present
                at = next + present
                continue
            case UInt8(ascii: "!"): event(bytes[at..<next - 1])
            default: break
            }
            at = next
        }
        return at
    }

    /// The number before the closing brace at `end`.
    private static func literalLength(_ bytes: UnsafeRawBufferPointer, end: Int) -> Int {
        var value = 0
        var unit = 1
        var at = end - 1
        while at >= 0, bytes[at] &- 48 < 10, unit < 1 << 40 {
            value += Int(bytes[at] &- 48) * unit
            unit *= 10
            at -= 1
        }
        return value
    }

    private mutating func refused(_ line: Slice<UnsafeRawBufferPointer>) {
        answers += 1
        refusals += 1
        if firstRefusal == nil { firstRefusal = String(decoding: line, as: UTF8.self) }
    }

    private mutating func event(_ line: Slice<UnsafeRawBufferPointer>) {
        var number: UInt64 = 0
        var at = line.startIndex + 1
        while at < line.endIndex, line[at] &- 48 < 10 {
            number = number &* 10 &+ UInt64(line[at] &- 48)
            at += 1
        }
        if line[at...].starts(with: " inval ".utf8) { events.append(number) }
    }
}
