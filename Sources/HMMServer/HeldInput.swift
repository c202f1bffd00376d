/// What a connection has received and may not hand to its engine yet, because the engine asked for a pause or the
/// client does not read its answers.
struct HeldInput: ~Copyable {
    /// Requests in order of arrival. Acknowledgements are never among them.
    var inputs = InputQueue()
    /// Plaintext behind those requests that nobody has parsed.
    var unparsed: [UInt8] = []
    /// What the requests occupy, at least.
    var bytes = 0

    init() {}

    var isEmpty: Bool { inputs.isEmpty && unparsed.isEmpty }

    /// To be called after requests have been taken.
    mutating func releaseIfEmpty() {
        guard inputs.isEmpty else { return }
        bytes = 0
        inputs.releaseMemory()
    }
}
