/// Amounts as people type them.
public enum Quantity {
    /// Bytes: a number with an optional binary suffix `k m g t`, of either case. Nil when malformed or too large.
    public static func bytes(_ text: String) -> UInt64? {
        let shifts: [Character: UInt64] = ["k": 10, "m": 20, "g": 30, "t": 40]
        let shift = text.last.flatMap { $0.lowercased().first }.flatMap { shifts[$0] }
        let digits = shift == nil ? text[...] : text.dropLast()
        guard let value = decimal(digits) else { return nil }
        let (bytes, overflow) = value.multipliedReportingOverflow(by: 1 << (shift ?? 0))
        return overflow ? nil : bytes
    }

    /// A time in seconds, with a fraction if need be: `30`, `0.5`. Nil when malformed or over ten years.
    public static func seconds(_ text: String) -> Duration? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = decimal(parts[0]), whole <= 315_360_000 else { return nil }
        guard parts.count == 2 else { return .seconds(Int64(whole)) }
        guard parts[1].utf8.count <= 9, let fraction = decimal(parts[1]) else { return nil }
        let scale = (parts[1].utf8.count..<9).reduce(into: UInt64(1)) { scale, _ in scale *= 10 }
        return .seconds(Int64(whole)) + .nanoseconds(Int64(fraction * scale))
    }

    /// A time with a unit, `90s`, `10m`, `2h` or `7d`, or in seconds without one. Nil as above.
    public static func duration(_ text: String) -> Duration? {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        guard let unit = text.last.flatMap({ units[$0] }) else { return seconds(text) }
        return seconds(String(text.dropLast())).map { $0 * unit }
    }

    private static func decimal(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt64(text)
    }
}
