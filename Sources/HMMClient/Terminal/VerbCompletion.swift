internal import HMMProtocol

/// What Tab offers: verbs, then the keys of the verb's arguments, then the words a key may have.
package enum VerbCompletion {
    /// Words that may stand at the end of `line`; it ends where the cursor is.
    package static func words(_ line: String) -> [String] {
        var words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        if let first = words.first, first.hasPrefix("#"), words.count > 1 { words.removeFirst() }
        guard words.count > 1, let last = words.last else { return VerbName.allCases.map(\.spec.name).sorted() }
        if words[0] == "help" { return VerbName.allCases.map(\.spec.name).sorted() }
        guard let spec = VerbName.allCases.lazy.map(\.spec).first(where: { $0.name == words[0] }) else { return [] }
        guard let equals = last.firstIndex(of: "=") else {
            let given = words.dropFirst().dropLast()
            return spec.arguments.map { $0.name + "=" }.filter { key in !given.contains { $0.hasPrefix(key) } }
        }
        let key = last[..<equals]
        guard let argument = spec.arguments.first(where: { $0.name == key }) else { return [] }
        return values(of: argument.kind).map { "\(key)=\($0)" }
    }

    private static func values(of kind: ArgumentKind) -> [String] {
        switch kind {
        case .flag: ["yes", "no"]
        case .choice(let words), .choices(let words): words
        case .protection: ["none", "r", "rw", "rwx", "rx"]
        case .number, .id, .address, .page, .length, .pages, .name, .data, .pattern, .numbers: []
        }
    }
}
