import HMMProtocol

/// Legal and illegal values for the arguments of any verb, made from its specification.
enum SampleLines {
    typealias Values = [(argument: ArgumentSpec, value: String)]

    /// Arguments that may stand on one line, by verb: each list is legal, and together they have every argument. A verb
    /// that is not here takes all of its arguments at once.
    private static let exclusive: [String: [[String]]] = [
        "write": [["mm", "va", "data", "len"], ["mm", "va", "len", "pattern", "each"]],
        "dev.write": [["mirror", "va", "data", "len"], ["mirror", "va", "len", "pattern"]],
        "file.write": [["file", "offset", "data", "len"], ["file", "offset", "pattern", "len"]],
        "evict": [["dev"], ["region"], ["pfn", "count"]],
    ]

    /// Arguments that are not required one by one, but of which a line needs one.
    private static let needed: [String: Set<String>] = [
        "write": ["data"], "dev.write": ["data"], "file.write": ["data"], "evict": ["dev"],
    ]

    /// A legal value for each argument, in order; more than one list where arguments exclude each other.
    static func forms(_ spec: VerbSpec) -> [Values] {
        let all = spec.arguments.map { (argument: $0, value: legal($0, of: spec)) }
        guard let lists = exclusive[spec.name] else { return [all] }
        return lists.map { names in all.filter { names.contains($0.argument.name) } }
    }

    /// How many of a form's arguments may be given by position.
    static func leading(_ form: Values, _ spec: VerbSpec) -> Int {
        zip(form, spec.arguments).prefix { $0.argument.name == $1.name }.count
    }

    /// A legal line of the first form, by position: `read 1 0x10000 2p pages yes`.
    static func positional(_ spec: VerbSpec) -> String {
        let form = forms(spec).first ?? []
        return mixed(spec, form, leading: leading(form, spec))
    }

    /// The first arguments by position and the others by key: `read 1 0x10000 len=2p as=pages`.
    static func mixed(_ spec: VerbSpec, _ form: Values, leading: Int) -> String {
        let words = form[..<leading].map(\.value) + form[leading...].map { "\($0.argument.name)=\($0.value)" }
        return ([spec.name] + words).joined(separator: " ")
    }

    /// No more arguments than a line needs.
    static func shortest(_ spec: VerbSpec) -> String {
        let needed = needed[spec.name] ?? []
        let form = forms(spec).first ?? []
        return mixed(
            spec, form.filter { $0.argument.need == .required || needed.contains($0.argument.name) }, leading: 0)
    }

    private static func legal(_ argument: ArgumentSpec, of spec: VerbSpec) -> String {
        let showsBytes = spec.arguments.contains { $0.name == "as" }
        return switch (argument.name, argument.kind) {
        case ("version", _): "1"
        case ("pfn", _): "1024"
        case ("offset", _): "2p"
        // `each=yes` goes with this form only, which takes whole pages.
        case ("as", _): "pages"
        case (_, .address): showsBytes ? "0x10000" : "0x10001"
        case (_, .length): showsBytes ? "2p" : "5"
        // An octet for each page.
        case ("pages", _): "rw"
        // `from` of `migrate` goes with this one only.
        case ("to", .name): "system"
        // `file` and `offset` of `mmap` go with it.
        case ("kind", .choice(let words)) where words.contains("file-shared"): "file-shared"
        case ("to", .page): "0x40000"
        case (_, let kind): legal(kind)
        }
    }

    private static func legal(_ kind: ArgumentKind) -> String {
        switch kind {
        case .number: "250"
        case .id: "4294967295"
        case .address, .page: "0x10000"
        case .length: "5"
        case .pages: "2p"
        case .name: "gpu0"
        case .flag: "yes"
        case .choice(let words): words.last ?? ""
        case .choices(let words): words.joined(separator: ",")
        case .protection: "rwx"
        case .data: "hex:00ff"
        case .pattern: "4a+"
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
        case .pattern: ["4", "4g", "+", "4a++", "4a-", "4a+1", "0x4a", "hex:4a", "int", "+ints", "--ints", "\"4a\""]
        }
    }
}
