/// `help`: the verbs, or one verb's arguments.
public struct Help: Verb {
    /// `.none` lists every verb.
    public var verb: ShortName

    public static let spec = VerbSpec(
        "help", .session, "List the verbs that the client's role may use, or the arguments of one.",
        arguments: [.init("verb", .name, .optional, "the verb to explain")],
        rows: [
            .init("verb", "a verb"), .init("args", "its arguments, in order of position"),
            .init("arg", "an argument, when one verb is explained"), .init("form", "the form of its value"),
            .init("doc", "a sentence"), .init("export", "`gpl`: for clients with a compatible licence only"),
            .init("gate", "the option of the kernel's configuration that the verb depends on"),
            .init("roles", "who may use it; absent where everybody may"),
        ],
        reply: [.init("rows", "number of rows")],
        errors: [.unknownVerb])

    init(_ a: borrowing Arguments) { verb = a.name }
}
