internal import HMMProtocol

/// Draws a conversation as it happens: a lane per connection on the left, an arrow for each line, the text beside it.
///
/// ```
///   P   A
///   ├───┼──▶  munmap mm=1 va=0x10000 len=1p
///   │   ◀───  !1 inval mirror=1 va=0x10000 len=4096 reason=unmap seq=3 lease=1000
/// ```
public struct TranscriptPrinter {
    private enum Lane { case none, open, gone }

    private let names: [String]
    private let width: Int
    private let colours: Bool
    private let laneWidth: Int
    private var lanes: [Lane]
    /// The names have to be written above the lanes before the next arrow.
    private var needsNames = false
    /// Lines of a remark that may go on.
    private var paragraph: [String] = []
    private var isFirst = true
    /// Prose without lanes beside it came last; lanes keep a distance.
    private var followsProse = false

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
            return text.isEmpty ? before : before + beside(text, .dim)
        }
        let before = flush()
        switch moment {
        case .remark: return before
        case .heading(let text): return before + heading(text)
        case .connected(let name, let tenant): return before + start(name, tenant)
        case .sent(let name, let octets):
            return before + header() + arrow(name, sent: true, Self.sentText(octets), .bold)
        case .received(let name, let item):
            let lines = arrow(name, sent: false, item.text, Self.colour(of: item.line))
            return before + header() + lines + (item.literal.map { beside(Octets.display($0), .dim) } ?? [])
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

    /// Prose stands beside the lanes, so that they are not broken; before the first connection there are none.
    private mutating func flush() -> [String] {
        guard !paragraph.isEmpty else { return [] }
        let text = paragraph.joined(separator: " ")
        paragraph = []
        let hasLanes = lanes.contains(.open)
        let shown = Self.wrap(text, to: min(width, 100) - (hasLanes ? indent : 0))
        let names = header()
        isFirst = false
        followsProse = !hasLanes
        guard hasLanes else { return shown.map { paint($0, .italic) } }
        return names + (names.isEmpty ? [Self.trim(lanesOnly())] : []) + shown.flatMap { beside($0, .italic) }
            + [Self.trim(lanesOnly())]
    }

    private mutating func heading(_ text: String) -> [String] {
        // The first line of a file is its title.
        let rule = String(repeating: isFirst ? "═" : "─", count: text.count)
        defer { isFirst = false }
        followsProse = false
        needsNames = lanes.contains(.open)
        return (isFirst ? [] : [""]) + [paint(text, .bold), paint(rule, .dim)]
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
        return [Self.trim("  " + names.indices.map { lanes[$0] == .open ? title($0) : spaces(laneWidth) }.joined())]
    }

    /// The name of a connection at the head of its lane.
    private func title(_ index: Int) -> String {
        paint(names[index], .lane(index)) + spaces(laneWidth - names[index].count)
    }

    private mutating func start(_ name: String, _ tenant: String) -> [String] {
        let own = names.firstIndex(of: name) ?? 0
        let above = followsProse ? [""] : header()
        set(name, .open)
        isFirst = false
        followsProse = false
        let line = "  " + names.indices.map { $0 == own ? title($0) : bar($0) + spaces(laneWidth - 1) }.joined()
        return above + [line + "  " + paint("connects as \(tenant)", .dim)]
    }

    private func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

    private static func trim(_ line: String) -> String {
        String(line.reversed().drop { $0 == " " }.reversed())
    }

    private mutating func arrow(_ name: String, sent: Bool, _ text: String, _ colour: Colour) -> [String] {
        let own = names.firstIndex(of: name) ?? 0
        var line = "  "
        for index in names.indices {
            if index < own {
                line += bar(index) + spaces(laneWidth - 1)
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
        let marks = names.indices.map { $0 == own ? paint("╳", .lane(own)) : bar($0) }
        let line = "  " + marks.map { $0 + spaces(laneWidth - 1) }.joined()
        return [line + "  " + paint("\(name): \(text)", .dim)]
    }

    private func lanesOnly() -> String {
        "  " + names.indices.map { bar($0) + spaces(laneWidth - 1) }.joined()
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
