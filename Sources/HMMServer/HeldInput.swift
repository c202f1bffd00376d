/// What a connection has received and may not hand to its engine yet, because the engine asked for a pause, the client
/// does not read its answers, or others have their turn.
struct HeldInput: ~Copyable {
    /// Acknowledgements that wait for the next turn, and for nothing else.
    var acknowledgements = InputQueue()
    /// Other requests in order of arrival.
    var inputs = InputQueue()
    /// Plaintext behind those requests that nobody has parsed.
    var unparsed: [UInt8] = []
    /// What the requests occupy, at least.
    var bytes = 0

    init() {}

    var isEmpty: Bool { acknowledgements.isEmpty && inputs.isEmpty && unparsed.isEmpty }

    /// Bytes that it keeps.
    var count: Int { bytes + unparsed.count }

    /// To be called after requests have been taken.
    mutating func releaseIfEmpty() {
        guard inputs.isEmpty, acknowledgements.isEmpty else { return }
        bytes = 0
        inputs.releaseMemory()
        acknowledgements.releaseMemory()
    }
}
