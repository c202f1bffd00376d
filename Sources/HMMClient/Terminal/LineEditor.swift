/// Editing one line on a terminal, without I/O: keys in, the line and what to draw out.
///
/// Arrows, Home, End, Delete and the usual Control keys (A E B F K U W D L C P N), history with up and down,
/// completion with Tab.
package struct LineEditor: Sendable {
    /// What a key asks the caller to do.
    package enum Action: Equatable, Sendable {
        case nothing
        case redraw
        case clearScreen
        /// Return: the line, which has been added to the history.
        case line(String)
        /// Control-C: the line was dropped.
        case interrupt
        /// Control-D on an empty line.
        case end
        /// Tab: words that fit, when there are several.
        case choices([String])
    }

    private enum Key { case plain, escape, bracket(String), character([UInt8], missing: Int) }

    private let prompt: String
    /// Words that may stand at the cursor; given what is before it.
    private let complete: @Sendable (String) -> [String]
    private var text: [Character] = []
    private var cursor = 0
    private var key = Key.plain
    package private(set) var history: [String]
    /// The history entry shown, counted from the newest, and the line that was being typed before.
    private var recalled = 0
    private var draft: [Character] = []

    package init(prompt: String, history: [String] = [], complete: @escaping @Sendable (String) -> [String]) {
        self.prompt = prompt
        self.history = history
        self.complete = complete
    }

    /// What to write so that the prompt and the line stand on the current row of a terminal `width` columns wide, with
    /// the cursor in its place. A longer line is shown in part.
    package func drawing(width: Int) -> String {
        let room = max(8, width - prompt.count - 1)
        let first = max(0, cursor - room + 1)
        let shown = text[first..<min(text.count, first + room)]
        let back = shown.endIndex - cursor
        return "\r\u{1b}[K" + prompt + String(shown) + (back > 0 ? "\u{1b}[\(back)D" : "")
    }

    /// What to write so that the row is free for other output.
    package static let erasing = "\r\u{1b}[K"

    package mutating func take(_ byte: UInt8) -> Action {
        switch key {
        case .plain: return plain(byte)
        case .escape:
            key = byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O") ? .bracket("") : .plain
            return .nothing
        case .bracket(let parameters):
            guard (0x40...0x7e).contains(byte) else {
                key = .bracket(parameters + String(UnicodeScalar(byte)))
                return .nothing
            }
            key = .plain
            return sequence(parameters, byte)
        case .character(let bytes, let missing):
            key = missing > 1 ? .character(bytes + [byte], missing: missing - 1) : .plain
            return missing > 1 ? .nothing : insert(String(decoding: bytes + [byte], as: UTF8.self))
        }
    }

    // MARK: Keys

    private mutating func plain(_ byte: UInt8) -> Action {
        switch byte {
        case 1: return move(to: 0)
        case 2: return move(to: cursor - 1)
        case 3:
            set("")
            return .interrupt
        case 4: return text.isEmpty ? .end : delete(cursor..<min(cursor + 1, text.count))
        case 5: return move(to: text.count)
        case 6: return move(to: cursor + 1)
        case 8, 127: return delete(max(0, cursor - 1)..<cursor)
        case 9: return completeWord()
        case 10, 13: return accept()
        case 11: return delete(cursor..<text.count)
        case 12: return .clearScreen
        case 14: return recall(recalled - 1)
        case 16: return recall(recalled + 1)
        case 21: return delete(0..<cursor)
        case 23: return delete(wordStart..<cursor)
        case 27:
            key = .escape
            return .nothing
        case 0..<32: return .nothing
        case 32..<128: return insert(String(UnicodeScalar(byte)))
        case 0xc2...0xdf: key = .character([byte], missing: 1)
        case 0xe0...0xef: key = .character([byte], missing: 2)
        case 0xf0...0xf4: key = .character([byte], missing: 3)
        default: break
        }
        return .nothing
    }

    private mutating func sequence(_ parameters: String, _ final: UInt8) -> Action {
        switch (final, parameters) {
        case (UInt8(ascii: "A"), _): recall(recalled + 1)
        case (UInt8(ascii: "B"), _): recall(recalled - 1)
        case (UInt8(ascii: "C"), _): move(to: cursor + 1)
        case (UInt8(ascii: "D"), _): move(to: cursor - 1)
        case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), "1"), (UInt8(ascii: "~"), "7"): move(to: 0)
        case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), "4"), (UInt8(ascii: "~"), "8"): move(to: text.count)
        case (UInt8(ascii: "~"), "3"): delete(cursor..<min(cursor + 1, text.count))
        default: .nothing
        }
    }

    private mutating func accept() -> Action {
        let line = String(text)
        if !line.isEmpty, history.last != line { history.append(line) }
        set("")
        recalled = 0
        return .line(line)
    }

    // MARK: Editing

    private mutating func set(_ line: String) {
        text = Array(line)
        cursor = text.count
    }

    private mutating func insert(_ string: String) -> Action {
        let before = text.count
        text.insert(contentsOf: string, at: cursor)
        cursor += text.count - before
        return .redraw
    }

    private mutating func delete(_ range: Range<Int>) -> Action {
        text.removeSubrange(range)
        cursor = range.lowerBound
        return .redraw
    }

    private mutating func move(to position: Int) -> Action {
        cursor = min(max(0, position), text.count)
        return .redraw
    }

    private var wordStart: Int {
        var start = cursor
        while start > 0, text[start - 1] == " " { start -= 1 }
        while start > 0, text[start - 1] != " " { start -= 1 }
        return start
    }

    private mutating func recall(_ entry: Int) -> Action {
        guard (0...history.count).contains(entry) else { return .nothing }
        if recalled == 0 { draft = text }
        recalled = entry
        set(entry == 0 ? String(draft) : history[history.count - entry])
        return .redraw
    }

    /// Completes what all fitting words share; several that share no more are offered.
    private mutating func completeWord() -> Action {
        let start = text[..<cursor].lastIndex(of: " ").map { $0 + 1 } ?? 0
        let word = String(text[start..<cursor])
        let words = complete(String(text[..<cursor])).filter { $0.hasPrefix(word) }
        guard var shared = words.first else { return .nothing }
        for other in words { shared = String(zip(shared, other).prefix { $0.0 == $0.1 }.map(\.0)) }
        let addition = String(shared.dropFirst(word.count))
        if addition.isEmpty, words.count > 1 { return .choices(words) }
        let ends = words.count == 1 && !shared.hasSuffix("=")
        return insert(addition + (ends ? " " : ""))
    }
}
