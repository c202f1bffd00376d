/// How an answer shows bytes.
public enum DataForm: UInt8, Sendable, CaseIterable {
    /// Quoted up to 64 bytes, a literal above.
    case automatic
    case quoted
    case hex
    case literal
    /// A row for each run of whole pages that hold one byte value.
    case pages
    /// A row for each run of 32-bit integers that go up or down by the same step.
    case ints

    static let argument = ArgumentSpec(
        "as", .choice(["auto", "quoted", "hex", "literal", "pages", "ints"]), .defaulted("auto"),
        "how the answer shows the bytes; `auto`: quoted up to 64 of them, a literal above; `pages`: runs of pages filled with one byte value; `ints`: runs of 32-bit integers"
    )

    /// The keys of the rows that show bytes.
    static func rows(each: Bool, at key: String = "va") -> [VerbSpec.Key] {
        [
            .init("data", "the bytes; with `as=pages` and `as=ints` the other keys instead"),
            .init(key, "where a run begins, in bytes"), .init("pages", "with `as=pages`: length of the run"),
            .init("byte", "with `as=pages`: two hex digits, the value of every byte of the run"),
            .init("mixed", "with `as=pages`: `yes` instead of `byte` where the bytes of each page differ"),
        ]
            + (each
                ? [.init("fault", "with `each=yes`: `SEGV` or `BUS` instead of `byte` where a page could not be read")]
                : []) + [
                .init("n", "with `as=ints`: number of integers"),
                .init("first", "with `as=ints`: the first of them, signed"),
                .init("step", "with `as=ints`: how much each is more than the one before; 0 for a single one"),
            ]
    }

    /// `BADARG` when a range begins or ends within a page or an integer that this form shows.
    @inline(__always)
    func check(_ start: UInt64, _ length: UInt64, _ argument: StaticString = "va") throws(Failure) {
        guard self == .pages || self == .ints else { return }
        try checkRuns(start, length, argument)
    }

    @inline(never)
    private func checkRuns(_ start: UInt64, _ length: UInt64, _ argument: StaticString) throws(Failure) {
        let unit: UInt64 = self == .pages ? 4096 : 4
        guard (start | length) & (unit - 1) == 0 else {
            throw Failure(.badArgument, "`\(argument)` and `len` must be multiples of \(unit) with `as=\(self)`")
        }
    }
}
