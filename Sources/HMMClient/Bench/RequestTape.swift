/// Requests of a mix, formatted once and sent again and again: a loop of tape.
package struct RequestTape {
    /// A request with gaps: `fault {mirror} {page} 1p`. `{mm}`, `{mirror}` and `{page}` are filled in; `{count}` with
    /// digits is a literal, whose octets follow.
    package struct Template: Equatable, Sendable {
        package var text: String
        /// How often, relative to the others.
        package var weight: Int

        package init(_ text: String, weight: Int = 1) {
            self.text = text
            self.weight = weight
        }

        package var needsMemory: Bool { ["{mm}", "{mirror}", "{page}"].contains { text.contains($0) } }
        package var needsMirror: Bool { text.contains("{mirror}") }
    }

    /// What fills the gaps on one connection.
    package struct Memory: Sendable {
        package var space: UInt64 = 0
        package var mirror: UInt64 = 0
        package var start: UInt64 = 0x10000
        /// Pages that `{page}` may be, one after the other from `start`.
        package var pages = 1

        package init() {}
    }

    package let octets: [UInt8]
    /// Where each request begins, and where the last one ends.
    package let starts: [Int]

    package var count: Int { starts.count - 1 }

    /// `count` requests, chosen by weight; equal seeds give equal tapes.
    package init(_ templates: [Template], memory: Memory, count: Int, seed: UInt64) {
        var random = SplitMix(state: seed)
        var octets: [UInt8] = []
        var starts = [0]
        let total = max(1, templates.map(\.weight).reduce(0, +))
        for _ in 0..<count {
            var choice = Int(random.next() % UInt64(total))
            let template = templates.first { candidate in
                choice -= candidate.weight
                return choice < 0
            }
            octets += Self.request(template?.text ?? "ping", memory, &random)
            starts.append(octets.count)
        }
        self.octets = octets
        self.starts = starts
    }

    private static func request(_ text: String, _ memory: Memory, _ random: inout SplitMix) -> [UInt8] {
        let page = memory.start + UInt64(random.next() % UInt64(max(1, memory.pages))) * 4096
        let line = text.replacing("{mm}", with: "\(memory.space)").replacing("{mirror}", with: "\(memory.mirror)")
            .replacing("{page}", with: "0x" + String(page, radix: 16))
        let bytes = Array(line.utf8)
        guard let length = ScriptRequest.literalCount(bytes[...]) else { return bytes + [10] }
        return bytes + [10] + repeatElement(UInt8(ascii: "x"), count: length) + [10]
    }
}

extension String {
    fileprivate func replacing(_ gap: String, with value: String) -> String {
        var result = ""
        var rest = self[...]
        while let brace = rest.firstIndex(of: "{") {
            result += rest[..<brace]
            rest = rest[brace...]
            if rest.hasPrefix(gap) {
                result += value
                rest = rest.dropFirst(gap.count)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result + rest
    }
}

/// Repeatable random numbers.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
