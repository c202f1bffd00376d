internal import HMMProtocol

/// Draws a conversation as it happens: a lane per connection on the left, an arrow for each line, the text beside it.
///
/// ```
///   P    A
///   ├────┼──▶  munmap mm=1 va=0x10000 len=1p
///   │    ◀───  !1 inval mirror=1 va=0x10000 len=4096 reason=unmap seq=3 lease=1000
/// ```
public struct TranscriptPrinter {
    private enum Lane { case none, open, gone }

    private let names: [String]
    private let width: Int
    private let colours: Bool
    private let laneWidth: Int
    private var lanes: [Lane]
    /// The names have to be written above the lanes before the next arrow.
    private var needsNames = true
    /// Lines of a remark that may go on.
    private var paragraph: [String] = []
    private var isFirst = true

    /// - Parameters:
    ///   - names: the connections, in order; `Transcript.connectionNames`.
    ///   - width: columns of the page.
    ///   - colours: use ANSI colours.
    public init(names: [String], width: Int = 110, colours: Bool = false) {
        self.names = names
        self.width = width
        self.colours = colours
        laneWidth = max(4, (names.map(\.count).max() ?? 1) + 2)
        lanes = names.map { _ in .none }
    }

    /// The lines that show `moment`.
    public mutating func show(_ moment: TranscriptMoment) -> [String] {
        if case .remark(let text) = moment {
            // A blank remark ends a paragraph; one that is indented is shown as it stands.
            if !text.isEmpty, !text.hasPrefix(" ") {
                paragraph.append(text)
                return []
            }
            let before = flush()
            return text.isEmpty ? before : before + [paint(" " + text, .dim)]
        }
        let before = flush()
        switch moment {
        case .remark: return before
        case .heading(let text):
            needsNames = true
            return before + gap() + [paint(text, .bold), paint(String(repeating: "─", count: text.count), .dim)]
        case .connected(let name, _):
            set(name, .open)
            needsNames = true
            return before
        case .sent(let name, let octets): return before + header() + arrow(name, sent: true, Self.sentText(octets), .bold)
        case .received(let name, let item):
            var lines = arrow(name, sent: false, item.text, Self.colour(of: item.line))
            if let literal = item.literal { lines += beside(Octets.display(literal), .dim) }
            return before + header() + lines
        case .waiting(let milliseconds):
            return before + header() + [lanesOnly() + paint("  … \(milliseconds) ms pass …", .dim)]
        case .cut(let name): return before + header() + stop(name, "connection cut")
        case .ended(let name): return before + header() + stop(name, "closed by the server")
        }
    }

    /// The lines still owed when the conversation is over.
    public mutating func finish() -> [String] { flush() }

    private static func sentText(_ octets: [UInt8]) -> String {
        let line = octets.last == 10 ? octets.dropLast() : octets[...]
        let isPlain = octets.last == 10 && line.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
        return isPlain && line.count <= 1000 ? String(decoding: line, as: UTF8.self) : Octets.display(octets)
    }

    private static func colour(of line: ServerLine) -> Colour {
        switch line {
        case .success: .green
        case .failure: .red
        case .event: .yellow
        case .row: .plain
        case .banner, .note, .bye: .dim
        }
    }

    // MARK: Prose

    private mutating func flush() -> [String] {
        guard !paragraph.isEmpty else { return [] }
        let text = paragraph.joined(separator: " ")
        paragraph = []
        needsNames = true
        return gap() + Self.wrap(text, to: min(width, 100)).map { paint($0, .italic) }
    }

    /// A blank line, but not at the top.
    private mutating func gap() -> [String] {
        defer { isFirst = false }
        return isFirst ? [] : [""]
    }

    /// Breaks `text` between words; a word longer than the width is cut.
    static func wrap(_ text: String, to width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
            while line.count > width {
                lines.append(String(line.prefix(width)))
                line = String(line.dropFirst(width))
            }
        }
        return lines + [line]
    }

    // MARK: Lanes

    private mutating func set(_ name: String, _ lane: Lane) {
        if let index = names.firstIndex(of: name) { lanes[index] = lane }
    }

    private mutating func header() -> [String] {
        guard needsNames else { return [] }
        needsNames = false
        var line = "  "
        for (index, name) in names.enumerated() {
            let shown = lanes[index] == .open ? name : ""
            line += paint(shown, .lane(index)) + String(repeating: " ", count: laneWidth - shown.count)
        }
        return gap() + [line]
    }

    private mutating func arrow(_ name: String, sent: Bool, _ text: String, _ colour: Colour) -> [String] {
        let own = names.firstIndex(of: name) ?? 0
        var line = "  "
        for index in names.indices {
            if index < own {
                line += bar(index) + String(repeating: " ", count: laneWidth - 1)
                continue
            }
            let isLast = index == names.count - 1
            let reach = String(repeating: "─", count: laneWidth - (isLast ? 2 : 1)) + (isLast ? sent ? "▶" : "─" : "")
            let start = index == own ? (sent ? "├" : "◀") : lanes[index] == .open ? "┼" : "─"
            line += paint(start + reach, .lane(own))
        }
        // Two columns less, because what is wrapped is indented by two.
        let pieces = Self.wrap(text, to: max(20, width - indent - 2))
        let rest = pieces.dropFirst().flatMap { beside("  " + $0, colour) }
        return [line + "  " + paint(pieces[0], colour)] + rest
    }

    private func beside(_ text: String, _ colour: Colour) -> [String] { [lanesOnly() + "  " + paint(text, colour)] }

    private mutating func stop(_ name: String, _ text: String) -> [String] {
        let own = names.firstIndex(of: name) ?? 0
        set(name, .gone)
        let line = "  " + names.indices.map { index in
            (index == own ? paint("╳", .lane(own)) : bar(index)) + String(repeating: " ", count: laneWidth - 1)
        }.joined()
        return [line + "  " + paint("\(name): \(text)", .dim)]
    }

    private func lanesOnly() -> String {
        "  " + names.indices.map { bar($0) + String(repeating: " ", count: laneWidth - 1) }.joined()
    }

    private func bar(_ index: Int) -> String { lanes[index] == .open ? paint("│", .lane(index)) : " " }

    private var indent: Int { 4 + names.count * laneWidth }

    // MARK: Colours

    private enum Colour {
        case plain, bold, dim, italic, red, green, yellow
        case lane(Int)

        var code: String {
            switch self {
            case .plain: ""
            case .bold: "1"
            case .dim: "2"
            case .italic: "3"
            case .red: "31"
            case .green: "32"
            case .yellow: "33"
            case .lane(let index): ["36", "35", "34", "96", "95", "94"][index % 6]
            }
        }
    }

    private func paint(_ text: String, _ colour: Colour) -> String {
        colours && !text.isEmpty && !colour.code.isEmpty ? "\u{1b}[\(colour.code)m\(text)\u{1b}[0m" : text
    }
}
