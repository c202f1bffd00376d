import Foundation
import HMMClient

/// Results of a bench, for people and for programs.
enum BenchText {
    static func json(_ value: some Encodable) throws(ClientError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw .options("\(error)")
        }
    }

    static func text(_ report: BenchReport) -> String {
        let latency = report.latencyNanoseconds
        let loop = report.rate.map { "\(grouped($0)) requests/s due" } ?? "closed loop"
        var lines = report.mix
        lines.append(
            "\(count(report.connections, "connection")) x \(report.depth) under way, "
                + "\(count(report.threads, "thread")), \(report.seconds) s, \(loop)")
        lines.append("")
        lines.append("  \(grouped(report.requestsPerSecond)) requests/s")
        if let bytes = report.bytesPerSecond { lines.append("  \(grouped(bytes / 1e6)) MB/s") }
        if report.refusals > 0 { lines.append("  \(report.refusals) refused, the first: \(report.firstRefusal ?? "")") }
        lines.append("")
        let rows = [
            ("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999),
            ("max", latency.max),
        ]
        let titles = rows.map { pad($0.0, 10) }.joined()
        lines.append("  latency µs" + titles)
        lines.append("            " + rows.map { pad(microseconds($0.1), 10) }.joined())
        lines.append(
            latency.measuredFrom == "due"
                ? "  from the time a request was due" : "  from sending; in a closed loop a slow server slows the load")
        return lines.joined(separator: "\n")
    }

    static func text(_ results: [RoundBench.Result]) -> String {
        var lines = ["   mirrors   median µs      min µs      max µs   µs/mirror"]
        for result in results {
            let share = String(format: "%.2f", Double(result.medianNanoseconds) / 1000 / Double(result.mirrors))
            lines.append(
                pad("\(result.mirrors)", 10) + pad(microseconds(result.medianNanoseconds), 12)
                    + pad(microseconds(result.minNanoseconds), 12) + pad(microseconds(result.maxNanoseconds), 12)
                    + pad(share, 12))
        }
        return lines.joined(separator: "\n")
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private static func microseconds(_ nanoseconds: UInt64) -> String {
        String(format: "%.1f", Double(nanoseconds) / 1000)
    }

    private static func grouped(_ value: Double) -> String {
        let digits = String(Int(value.rounded()))
        return String(
            digits.reversed().enumerated().flatMap {
                $0.offset > 0 && $0.offset % 3 == 0 ? [",", $0.element] : [$0.element]
            }
            .reversed())
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }
}
