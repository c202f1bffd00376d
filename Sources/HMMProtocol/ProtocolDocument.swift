/// The parts of `docs/protocol.md` that are made from the code, so that the manual cannot disagree with the parser.
///
/// In the document such a part stands between `<!-- generated: verbs -->` and `<!-- end -->`.
public enum ProtocolDocument {
    /// A generated part, by the name in its marker.
    public enum Part: String, CaseIterable, Sendable {
        /// Every verb with its arguments, answer and errors.
        case verbs
        /// Verbs beside what they are in the kernel.
        case kernel
        case errors
        case limits
        /// What a tenant may have a quota of.
        case quotas

        /// The line before the part.
        public var opening: String { "<!-- generated: \(rawValue) -->" }

        /// The part, without a line end after its last line.
        public var markdown: String {
            switch self {
            case .verbs: ProtocolDocument.verbs
            case .kernel: ProtocolDocument.kernelTable
            case .errors: ProtocolDocument.errorTable
            case .limits: ProtocolDocument.limitTable
            case .quotas: ProtocolDocument.quotaTable
            }
        }
    }

    /// The line after a part.
    public static let closing = "<!-- end -->"

    /// `document` with every generated part as the code has it now; the rest stays as it is.
    public static func regenerated(document: String) -> String {
        regenerated(document: document) { Part(rawValue: $0)?.markdown }
    }

    /// The same for parts that `markdown` makes, asked by name; nil leaves a part as it is.
    public static func regenerated(document: String, _ markdown: (String) -> String?) -> String {
        let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
        var result: [Substring] = []
        var at = 0
        while at < lines.count {
            result.append(lines[at])
            let part = name(lines[at]).flatMap(markdown)
            at += 1
            // Without its end a part could swallow what follows, so it is left alone.
            guard let part, let end = lines[at...].firstIndex(where: { $0 == closing }) else { continue }
            result += ["", Substring(part), ""]
            at = end
        }
        return result.joined(separator: "\n")
    }

    /// The name in the line before a part.
    private static func name(_ line: Substring) -> String? {
        let words = line.split(separator: " ")
        guard words.count == 4, words[0] == "<!--", words[1] == "generated:", words[3] == "-->" else { return nil }
        return String(words[2])
    }

    // MARK: Verbs

    private static var verbs: String {
        let common = "Every verb can also fail with \(list(VerbSpec.commonErrors)); `ack` never with the last two."
        return ([common] + VerbSpec.Group.allCases.map(group)).joined(separator: "\n\n")
    }

    /// Verbs of another table, with their arguments, answers and errors.
    public static func manual(of verbs: [VerbSpec]) -> String { verbs.map(verb).joined(separator: "\n\n") }

    private static func group(_ group: VerbSpec.Group) -> String {
        let verbs = VerbName.allCases.map(\.spec).filter { $0.group == group }
        return (["### \(title(group))"] + verbs.map(verb)).joined(separator: "\n\n")
    }

    private static func title(_ group: VerbSpec.Group) -> String {
        switch group {
        case .session: "Session"
        case .memory: "Address spaces and the CPU"
        case .file: "Files"
        case .device: "Devices"
        case .mirror: "Mirrors"
        case .legacy: "The interface of 2017"
        }
    }

    private static func verb(_ spec: VerbSpec) -> String {
        var blocks = ["#### `\(spec.name)`", spec.summary]
        let facts = facts(spec)
        if !facts.isEmpty { blocks.append(facts.joined(separator: " ")) }
        blocks.append("    \(spec.name)\(spec.arguments.isEmpty ? "" : " ")\(spec.usage)")
        if !spec.arguments.isEmpty { blocks.append(argumentTable(spec)) }
        if spec.name == Ack.spec.name {
            blocks.append("No answer, unless it fails.")
        } else if spec.rows.isEmpty, spec.reply.isEmpty {
            blocks.append("The answer is `+` without keys.")
        } else {
            blocks.append(answerTable(spec))
        }
        if !spec.errors.isEmpty { blocks.append("Errors: \(list(spec.errors)).") }
        return blocks.joined(separator: "\n\n")
    }

    /// What the kernel says of a verb: its counterpart, whom it is for and what it depends on.
    private static func facts(_ spec: VerbSpec) -> [String] {
        var facts = spec.kernel.isEmpty ? [] : ["In the kernel: \(spec.kernel)."]
        if spec.export == .gpl { facts.append("For GPL clients only.") }
        if let gate = spec.gate { facts.append("Needs `\(gate.rawValue)`.") }
        if spec.roles != .all { facts.append("Role: \(spec.roles.words).") }
        return facts
    }

    private static func argumentTable(_ spec: VerbSpec) -> String {
        table(
            ["argument", "form", "if absent", "meaning"],
            spec.arguments.map { argument in
                let absent =
                    switch argument.need {
                    case .required: "required"
                    case .optional: ""
                    case .defaulted(let value): "`\(value)`"
                    }
                return ["`\(argument.name)`", argument.kind.form, absent, argument.meaning]
            })
    }

    private static func answerTable(_ spec: VerbSpec) -> String {
        let rows = spec.rows.map { ["`=`", "`\($0.name)`", $0.meaning] }
        let reply = spec.reply.map { ["`+`", "`\($0.name)`", $0.meaning] }
        return table(["line", "key", "meaning"], rows + reply)
    }

    private static func list(_ codes: [ErrorCode]) -> String {
        codes.map { "`\($0.rawValue)`" }.joined(separator: ", ")
    }

    // MARK: Tables

    private static var kernelTable: String {
        let verbs = VerbName.allCases.map(\.spec).filter { !$0.kernel.isEmpty }
        return table(["verb", "in the kernel"], verbs.map { ["`\($0.name)`", $0.kernel] })
    }

    private static var errorTable: String {
        table(
            ["code", "errno", "meaning"],
            ErrorCode.allCases.map { ["`\($0.rawValue)`", "`\($0.errno.rawValue)`", $0.meaning] })
    }

    private static var limitTable: String {
        table(
            ["name", "standard value", "unit", "what is bounded"],
            Limits().rows.map { ["`\($0.name)`", "\($0.value)", "\($0.unit)", "\($0.reason)"] })
    }

    private static var quotaTable: String {
        table(
            ["name", "unit", "what is counted", "past the hard bound"],
            QuotaResource.allCases.map { ["`\($0.rawValue)`", "\($0.unit)", $0.meaning, $0.refusal] })
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        ([line(head), "|" + String(repeating: "---|", count: head.count)] + rows.map(line)).joined(separator: "\n")
    }

    private static func line(_ cells: [String]) -> String {
        "| "
            + cells.map { $0.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") }
            .joined(separator: " | ") + " |"
    }
}
