package import HMMProtocol

/// Colours by kind of line.
package enum Palette {
    /// A line as it was sent, coloured: green for success, red for refusal, yellow for events, dim for notices.
    package static func paint(_ item: ServerLineReader.Item) -> String {
        switch item.line {
        case .success: paint(item.text, "32")
        case .failure: paint(item.text, "31")
        case .event: paint(item.text, "33")
        case .row: item.text
        case .banner, .note, .bye: dim(item.text)
        }
    }

    package static func dim(_ text: String) -> String { paint(text, "2") }
    package static func good(_ text: String) -> String { paint(text, "32") }
    package static func bad(_ text: String) -> String { paint(text, "31") }

    private static func paint(_ text: String, _ code: String) -> String { "\u{1b}[\(code)m\(text)\u{1b}[0m" }
}
