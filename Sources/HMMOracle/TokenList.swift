internal import HMMProtocol

/// A list of a result: tokens, equal neighbours run-length coded.
struct TokenList: CustomStringConvertible {
    private var runs: [(token: String, count: UInt64)] = []

    mutating func append(_ token: String, count: UInt64) {
        guard count > 0 else { return }
        if let last = runs.indices.last, runs[last].token == token {
            runs[last].count += count
        } else {
            runs.append((token, count))
        }
    }

    /// Tokens so far.
    var count: UInt64 { runs.reduce(0) { $0 + $1.count } }

    func contains(_ token: String) -> Bool { runs.contains { $0.token == token } }

    var description: String {
        runs.map { $0.count == 1 ? $0.token : "\($0.token)*\($0.count)" }.joined(separator: ",")
    }
}

/// What a row says of each of its pages, as a token of a result. Nil where the row does not say it.
enum Token {
    /// The byte that fills the page, `mixed`, or the signal that reading it raised.
    static func data(_ row: [ServerLine.Pair]) -> String? {
        if let fault = row["fault"] { return fault.text }
        if row["mixed"]?.text == "yes" { return "mixed" }
        return row["byte"]?.text
    }

    /// Whether the page was written, or the signal that writing it raised.
    static func written(_ row: [ServerLine.Pair]) -> String? {
        if let fault = row["fault"] { return fault.text }
        return row["done"]?.text == "yes" ? "w" : nil
    }

    /// What a mirror of `device` sees: the byte of the test driver, and its meaning.
    static func map(_ row: [ServerLine.Pair], device: String) -> String? {
        let isHuge = row["order"]?.number == 9
        let kind: (byte: Int, name: String?)
        switch row["kind"]?.text {
        case "error": return "ff:ERROR"
        case "none": return "00:NONE"
        // The driver takes the huge zero page for ordinary memory.
        case "zero": kind = isHuge ? (0, nil) : (0x10, "ZERO")
        case "ram": kind = (0, nil)
        // Another device's private memory is never shown.
        case "private": kind = (0x20, "PRIVATE_LOCAL")
        case "coherent": kind = row["dev"]?.text == device ? (0x40, "COHERENT_LOCAL") : (0x50, "COHERENT_REMOTE")
        default: return nil
        }
        let permission: (byte: Int, name: String)
        switch row["perm"]?.text {
        case "r": permission = (1, "READ")
        case "rw": permission = (2, "WRITE")
        default: return nil
        }
        let byte = kind.byte + permission.byte + (isHuge ? 4 : 0)
        let names = [kind.name, permission.name, isHuge ? "PMD" : nil].compactMap { $0 }
        return (byte < 16 ? "0" : "") + String(byte, radix: 16) + ":" + names.joined(separator: "|")
    }
}
