/// A verb as data: argument parsing, `help`, the tables of `docs/protocol.md` and `hmmd --dump-protocol` come from it.
public struct VerbSpec: Sendable, Encodable {
    public enum Group: String, Sendable, CaseIterable, Encodable {
        case session, memory, file, device, mirror, legacy

        /// Who may use its verbs, where a verb does not say otherwise.
        var roles: Roles {
            switch self {
            case .session: .all
            case .memory, .file: .process
            case .device, .mirror, .legacy: .driver
            }
        }
    }

    /// A key of an answer line, with the meaning of its value.
    public struct Key: Sendable, Encodable {
        public let name: String
        public let meaning: String

        public init(_ name: String, _ meaning: String) {
            self.name = name
            self.meaning = meaning
        }
    }

    /// Codes that every verb can give.
    public static let commonErrors: [ErrorCode] = [.syntax, .tooLong, .badArgument, .missing, .tagBusy, .busy]

    public let name: String
    public let group: Group
    /// One sentence for `help` and the manual.
    public let summary: String
    /// In order of position; a leading run of them may be given without `key=`.
    public let arguments: [ArgumentSpec]
    /// Keys of each `=` line; empty when the verb answers without rows.
    public let rows: [Key]
    /// Keys of the `+` line.
    public let reply: [Key]
    /// Codes this verb adds to `commonErrors`, those of its gate, its export class and its roles included.
    public let errors: [ErrorCode]
    /// What it is in the kernel.
    public let kernel: String
    /// Whom the kernel lets use it.
    public let export: ExportClass
    /// The option without which the kernel does not have it; nil when every kernel has it.
    public let gate: Gate?
    /// Who may use it; an admin always may.
    public let roles: Roles

    public init(
        _ name: String, _ group: Group, _ summary: String, arguments: [ArgumentSpec] = [], rows: [Key] = [],
        reply: [Key] = [], errors: [ErrorCode] = [], kernel: String = "", export: ExportClass = .plain,
        gate: Gate? = nil, roles: Roles? = nil
    ) {
        let roles = (roles ?? group.roles).union(.admin)
        let isOwnDenial = roles != .all && !errors.contains(.denied)
        self.name = name
        self.group = group
        self.summary = summary
        self.arguments = arguments
        self.rows = rows
        self.reply = reply
        self.errors =
            errors + (isOwnDenial ? [.denied] : []) + (gate == nil ? [] : [.gated]) + (export == .gpl ? [.licence] : [])
        self.kernel = kernel
        self.export = export
        self.gate = gate
        self.roles = roles
    }

    /// Gate, export class and roles of each verb, by number: asked before the verb is begun where something is
    /// restricted.
    static let restrictions: [(gate: Gate?, export: ExportClass, roles: Roles)] = VerbName.allCases.map {
        ($0.spec.gate, $0.spec.export, $0.spec.roles)
    }

    /// The arguments as a person types them: `mm va len [prot=rw]`.
    public var usage: String {
        arguments.map { argument in
            switch argument.need {
            case .required: argument.name
            case .optional: "[\(argument.name)]"
            case .defaulted(let value): "[\(argument.name)=\(value)]"
            }
        }.joined(separator: " ")
    }
}

extension ErrorCode: Encodable {}

/// Whom a verb is for, as the kernel's symbols are: EXPORT_SYMBOL or EXPORT_SYMBOL_GPL.
public enum ExportClass: String, Sendable, CaseIterable, Encodable {
    case plain
    /// Only clients whose licence is compatible with the GPL.
    case gpl
}

/// An option of the kernel's configuration that a verb depends on. Kernel: CONFIG_HMM_MIRROR and so on.
public enum Gate: String, Sendable, CaseIterable, Encodable {
    case hmmMirror = "HMM_MIRROR"
    case devicePrivate = "DEVICE_PRIVATE"
    case devicePublic = "DEVICE_PUBLIC"
}

/// One argument of a verb.
public struct ArgumentSpec: Sendable, Encodable {
    public enum Need: Sendable, Equatable, Encodable {
        case required
        case optional
        /// Absent means this value, written as a client would write it.
        case defaulted(String)
    }

    public let name: String
    public let kind: ArgumentKind
    public let need: Need
    public let meaning: String

    public init(_ name: String, _ kind: ArgumentKind, _ need: Need = .required, _ meaning: String) {
        self.name = name
        self.kind = kind
        self.need = need
        self.meaning = meaning
    }
}

/// The form of an argument's value.
public enum ArgumentKind: Sendable, Equatable, Encodable {
    /// A number, decimal with an optional suffix `k m g t p` (p = pages) or hexadecimal.
    case number
    /// The number of an object: 1 to 4294967295.
    case id
    /// A byte address.
    case address
    /// A page-aligned address.
    case page
    /// A length in bytes, at least 1.
    case length
    /// A length in bytes that is a whole number of pages, at least one.
    case pages
    /// A name: a lower-case letter, then up to 31 of `a-z 0-9 . -`.
    case name
    /// `yes` or `no`.
    case flag
    /// One of these words.
    case choice([String])
    /// Some of these words, separated by commas.
    case choices([String])
    /// `none`, or some of the letters `r w x`.
    case protection
    /// Octets: an atom, `"quoted"`, `hex:`, `b64:` or a counted literal.
    case data
    /// Octets by rule: `HH`, `HH+`, `ints` or `-ints`. See `Pattern`.
    case pattern
    /// One or more numbers, the rest of the line.
    case numbers

    /// The form as the manual shows it.
    public var form: String {
        switch self {
        case .number: "number"
        case .id: "id"
        case .address: "address"
        case .page: "page address"
        case .length: "length"
        case .pages: "whole pages"
        case .name: "name"
        case .flag: "`yes` or `no`"
        case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .choices(let words): "list of " + words.map { "`\($0)`" }.joined(separator: ", ")
        case .protection: "`none` or letters of `rwx`"
        case .data: "data"
        case .pattern: "`HH`, `HH+`, `ints` or `-ints`"
        case .numbers: "numbers"
        }
    }
}
