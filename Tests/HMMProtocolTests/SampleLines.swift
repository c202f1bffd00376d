import HMMProtocol

/// Legal and illegal values for the arguments of any verb, made from its specification.
enum SampleLines {
    /// A legal value for each argument, in order.
    static func values(_ spec: VerbSpec) -> [(argument: ArgumentSpec, value: String)] {
        spec.arguments.map { ($0, legal($0, of: spec)) }
    }

    /// `read 1 0x10001 5 quoted`
    static func positional(_ spec: VerbSpec) -> String {
        ([spec.name] + values(spec).map(\.value)).joined(separator: " ")
    }

    /// `read mm=1 va=0x10001 len=5 as=quoted`
    static func keyed(_ spec: VerbSpec) -> String { keyed(spec, values(spec).map { ($0.argument.name, $0.value) }) }

    /// The required arguments only.
    static func shortest(_ spec: VerbSpec) -> String {
        keyed(spec, values(spec).filter { $0.argument.need == .required }.map { ($0.argument.name, $0.value) })
    }

    static func keyed(_ spec: VerbSpec, _ pairs: [(name: String, value: String)]) -> String {
        ([spec.name] + pairs.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
    }

    private static func legal(_ argument: ArgumentSpec, of spec: VerbSpec) -> String {
        switch argument.kind {
        case .number: argument.name == "version" ? "1" : "250"
        case .id: "4294967295"
        case .address: "0x10001"
        case .page: "0x10000"
        case .length: "5"
        case .pages: "2p"
        // `from` of `migrate` goes with this one only.
        case .name: argument.name == "to" ? "system" : "gpu0"
        case .flag: "yes"
        case .choice(let words): words.last ?? ""
        case .choices(let words): words.joined(separator: ",")
        case .protection: "rwx"
        case .data: "hex:00ff"
        case .numbers: "12"
        }
    }

    /// Values of the right grammar and no meaning.
    static func illegal(_ kind: ArgumentKind) -> [String] {
        let numbers = [
            "x", "0x", "1x", "1.5", "-1", "18446744073709551616", "0x10000000000000000", "20000000t", "\"1\"",
        ]
        return switch kind {
        case .number, .numbers: numbers
        case .id: numbers + ["0", "4294967296"]
        case .address: numbers
        case .page: numbers + ["1", "0x10001", "4095"]
        case .length: numbers + ["0"]
        case .pages: numbers + ["0", "0p", "1", "4097"]
        case .name: ["Gpu", "0gpu", ".gpu", "g_u", "g/u", "\"gpu\"", "g" + String(repeating: "u", count: 32)]
        case .flag: ["1", "Yes", "true", "on", "\"yes\""]
        case .choice(let words): ["nonesuch", "0", (words.first ?? "") + "x", "\"\(words.first ?? "")\""]
        case .choices(let words): ["nonesuch", ",", (words.first ?? "") + ",", "\"\(words.first ?? "")\""]
        case .protection: ["0", "rr", "rwxr", "R", "nones", "r,w", "\"r\""]
        case .data: ["hex:0", "hex:xx", "b64:a", "b64:aB=="]
        }
    }
}
