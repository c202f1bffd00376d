/// Where results first differ from what they should be.
public struct OracleDifference: Equatable, Sendable, CustomStringConvertible {
    /// Line of the scenario.
    public var line: Int
    /// Nil when there should be no more results.
    public var expected: String?
    /// Nil when a result is missing.
    public var got: String?

    /// Compares results with the text of an `.expected` file; nil when they are equal.
    public init?(expected text: String, results: [String]) {
        let expected = text.utf8.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        for index in 0..<max(expected.count, results.count) {
            let wanted = index < expected.count ? expected[index] : nil
            let got = index < results.count ? results[index] : nil
            guard wanted != got else { continue }
            let number = (wanted ?? got)?.split(separator: " ").first
            line = number.flatMap { Int($0) } ?? index + 1
            self.expected = wanted
            self.got = got
            return
        }
        return nil
    }

    public var description: String {
        "\(line): expected \(Self.quoted(expected)), got \(Self.quoted(got))"
    }

    private static func quoted(_ result: String?) -> String {
        guard let result else { return "nothing" }
        return "`\(result.drop { $0 != " " }.dropFirst())`"
    }
}
