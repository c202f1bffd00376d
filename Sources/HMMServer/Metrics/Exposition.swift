/// Samples as Prometheus reads them: the text format, version 0.0.4.
struct Exposition {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private(set) var text = ""
    private var current: Metric?

    init() {}

    /// One sample. Samples of one metric have to be given together.
    mutating func add(_ metric: Metric, _ labels: String..., value: UInt64) {
        append(metric, "", zip(metric.labels, labels).map { ($0, $1) }, "\(value)")
    }

    mutating func add(_ metric: Metric, _ labels: String..., seconds nanoseconds: UInt64) {
        append(metric, "", zip(metric.labels, labels).map { ($0, $1) }, Self.seconds(nanoseconds))
    }

    mutating func add(_ metric: Metric, _ times: RunTimes) {
        var total: UInt64 = 0
        for (bound, count) in zip(RunTimes.bounds, times.counts) {
            total &+= count
            append(metric, "_bucket", [("le", Self.seconds(bound))], "\(total)")
        }
        total &+= times.counts[RunTimes.bounds.count]
        append(metric, "_bucket", [("le", "+Inf")], "\(total)")
        append(metric, "_sum", [], Self.seconds(times.nanoseconds))
        append(metric, "_count", [], "\(total)")
    }

    private mutating func append(
        _ metric: Metric, _ suffix: String, _ labels: [(name: String, value: String)], _ value: String
    ) {
        if current != metric {
            current = metric
            text += "# HELP \(metric.name) \(metric.help)\n# TYPE \(metric.name) \(metric.kind.rawValue)\n"
        }
        text += metric.name + suffix
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        var result = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// Exact, without exponent: `0.000003`, `12.5`.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let whole = nanoseconds / 1_000_000_000
        var digits = String(nanoseconds % 1_000_000_000)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return digits.isEmpty ? "\(whole)" : "\(whole).\(digits)"
    }
}
