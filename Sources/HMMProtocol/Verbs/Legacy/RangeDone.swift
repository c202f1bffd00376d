/// `hmm.vma-range-done`: a range is closed, and the client learns whether what it was told still holds.
public struct RangeDone: Verb {
    public var range: UInt32

    public static let spec = VerbSpec(
        "hmm.vma-range-done", .legacy, "Close a range and say whether nothing in it has changed since it was opened.",
        arguments: [.init("range", .id, .required, "number of the range")],
        reply: [.init("valid", "`no`: the answer that opened it must not be used")],
        errors: [.noRange], kernel: "hmm_vma_range_done() of 2017")

    init(_ a: borrowing Arguments) { range = a.id(0) }
}
