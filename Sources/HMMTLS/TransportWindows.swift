/// What a connection's BIO reads from and writes to: memory lent by the caller for the time of a call, and behind each
/// of the two a queue for what did not fit.
struct TransportWindows: ~Copyable {
    /// What is left of the caller's ciphertext.
    private var input = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Ciphertext of earlier windows; older than `input`.
    private var keptInput = ByteQueue()
    var inputHasEnded = false
    /// OpenSSL asked for more ciphertext than there was, and none has come since: reading again would be in vain.
    private(set) var isStarved = false

    private var output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var outputUsed = 0
    /// Ciphertext newer than what is in `output`.
    private var overflow = ByteQueue()

    init() {}

    var availableInput: Int { keptInput.count + input.count }
    var overflowCount: Int { overflow.count }

    // MARK: Caller's side

    mutating func openInput(_ ciphertext: UnsafeRawBufferPointer) {
        closeInput()
        input = ciphertext
        if ciphertext.count > 0 { isStarved = false }
    }

    /// Keeps what was not consumed, because the caller's memory is about to go away.
    mutating func closeInput() {
        keptInput.append(input)
        input = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    mutating func endInput() {
        inputHasEnded = true
        // The end is news as well: OpenSSL has yet to see it.
        isStarved = false
    }

    mutating func openOutput(_ window: UnsafeMutableRawBufferPointer) {
        _ = closeOutput()
        output = window
        // Older bytes go first.
        outputUsed = overflow.take(into: window)
    }

    mutating func closeOutput() -> Int {
        let used = outputUsed
        output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        outputUsed = 0
        return used
    }

    mutating func takeOverflow(into destination: UnsafeMutableRawBufferPointer) -> Int {
        overflow.take(into: destination)
    }

    // MARK: OpenSSL's side

    /// Returns 0 if there is nothing; then `inputHasEnded` tells whether there ever will be.
    mutating func read(into destination: UnsafeMutableRawBufferPointer) -> Int {
        if keptInput.count > 0 { return keptInput.take(into: destination) }
        let taken = min(input.count, destination.count)
        guard taken > 0, let source = input.baseAddress, let target = destination.baseAddress else {
            isStarved = !inputHasEnded
            return 0
        }
        target.copyMemory(from: source, byteCount: taken)
        input = UnsafeRawBufferPointer(rebasing: input[taken...])
        return taken
    }

    /// Accepts everything. Order is kept because overflow begins only when the window is full, and a new window takes
    /// overflow first.
    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        var fitting = 0
        if let base = output.baseAddress, let source = bytes.baseAddress {
            fitting = min(output.count - outputUsed, bytes.count)
            (base + outputUsed).copyMemory(from: source, byteCount: fitting)
            outputUsed += fitting
        }
        if fitting < bytes.count { overflow.append(UnsafeRawBufferPointer(rebasing: bytes[fitting...])) }
    }
}
