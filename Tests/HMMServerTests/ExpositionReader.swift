/// Reads the text format of Prometheus, version 0.0.4, and refuses what is not exactly that.
struct ExpositionReader {
    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    struct Sample: Equatable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    private(set) var samples: [Sample] = []
    private(set) var kinds: [String: String] = [:]
    private var helped: Set<String> = []
    private var ended: Set<String> = []
    private var current = ""

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Mistake(description: "the last line has no end") }
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("#") { try readComment(line) } else { try readSample(line) }
        }
    }

    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }

    private mutating func readComment(_ line: Substring) throws {
        let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4, words[0] == "#" else { throw Mistake(description: "a comment: \(line)") }
        switch words[1] {
        case "HELP":
            guard helped.insert(words[2]).inserted, !words[3].isEmpty else {
                throw Mistake(description: "help twice, or none: \(line)")
            }
        case "TYPE":
            guard ["counter", "gauge", "histogram"].contains(words[3]), kinds[words[2]] == nil,
                helped.contains(words[2])
            else { throw Mistake(description: "a type: \(line)") }
            kinds[words[2]] = words[3]
            ended.insert(current)
            current = words[2]
        default: throw Mistake(description: "neither help nor type: \(line)")
        }
    }

    private mutating func readSample(_ line: Substring) throws {
        var rest = line
        let name = String(rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") })
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while rest.first != "}" { try readLabel(&rest, &labels) }
            rest = rest.dropFirst()
        }
        guard rest.first == " ", let value = Double(rest.dropFirst()), !rest.dropFirst().contains(" ") else {
            throw Mistake(description: "a value: \(line)")
        }
        try check(name, labels, line)
        samples.append(Sample(name: name, labels: labels, value: value))
    }

    private func readLabel(_ rest: inout Substring, _ labels: inout [String: String]) throws {
        let key = String(rest.prefix { $0 != "=" })
        rest = rest.dropFirst(key.count)
        guard !key.isEmpty, rest.hasPrefix("=\""), labels[key] == nil else {
            throw Mistake(description: "a label: \(rest)")
        }
        rest = rest.dropFirst(2)
        var value = ""
        while let character = rest.popFirst(), character != "\"" {
            if character == "\\" {
                guard let next = rest.popFirst(), "\\\"n".contains(next) else {
                    throw Mistake(description: "an escape: \(rest)")
                }
                value.append(next == "n" ? "\n" : next)
            } else {
                value.append(character)
            }
        }
        labels[key] = value
        if rest.first == "," { rest = rest.dropFirst() }
    }

    /// A sample belongs to the metric announced last, and comes once.
    private func check(_ name: String, _ labels: [String: String], _ line: Substring) throws {
        let base =
            kinds[current] == "histogram"
            ? ["_bucket", "_sum", "_count"].first { name == current + $0 }.map { _ in current } : name
        guard base == current, !ended.contains(current) else {
            throw Mistake(description: "not with its metric: \(line)")
        }
        guard !samples.contains(where: { $0.name == name && $0.labels == labels }) else {
            throw Mistake(description: "twice: \(line)")
        }
        if kinds[current] == "counter", !name.hasSuffix("_total") { throw Mistake(description: "a counter: \(line)") }
    }
}
