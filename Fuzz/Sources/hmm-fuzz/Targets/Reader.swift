import HMMProtocol

/// What a client sends, however it is cut: the same items in the same order.
enum ReaderTarget {
    static func run(_ input: UnsafeRawBufferPointer) {
        var limits = Limits()
        // Small enough for the fuzzer to pass them.
        limits.line = 256
        limits.literal = 512
        limits.arguments = 12
        let whole = items(input, limits) { _ in input.count }
        for size in [1, 2, 7] where whole != items(input, limits, piece: { _ in size }) {
            finding("in pieces of \(size) it reads otherwise")
        }
        // Pieces that the input itself decides, whose ends fall anywhere.
        let ragged = items(input, limits) { Int(input[$0] & 31) + 1 }
        if whole != ragged { finding("in ragged pieces it reads otherwise") }
        for size in [1, 5, 65536] where whole != filled(input, limits, size) {
            finding("with literals filled by \(size) it reads otherwise")
        }
    }

    private static func items(
        _ input: UnsafeRawBufferPointer, _ limits: Limits, piece: (Int) -> Int
    ) -> [RequestReader.Item] {
        var reader = RequestReader(limits: limits)
        var items: [RequestReader.Item] = []
        var start = 0
        while start < input.count {
            let end = min(input.count, start + max(1, piece(start)))
            take(&reader, UnsafeRawBufferPointer(rebasing: input[start..<end]), &items)
            start = end
        }
        return items
    }

    private static func take(
        _ reader: inout RequestReader, _ bytes: UnsafeRawBufferPointer, _ items: inout [RequestReader.Item]
    ) {
        var offset = 0
        while let item = reader.next(bytes, &offset) { items.append(item) }
        if offset != bytes.count { finding("\(bytes.count - offset) bytes were left") }
    }

    /// Lines one at a time, so that a literal begins where a piece does, and is put in place as decryption does it.
    private static func filled(
        _ input: UnsafeRawBufferPointer, _ limits: Limits, _ size: Int
    ) -> [RequestReader.Item] {
        var reader = RequestReader(limits: limits)
        var items: [RequestReader.Item] = []
        var at = 0
        while at < input.count {
            if reader.missingLiteral > 0 {
                let missing = reader.missingLiteral
                at += reader.fillLiteral { window in
                    let count = min(window.count, size, input.count - at)
                    window.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[at..<at + count]))
                    return count
                }
                if reader.missingLiteral >= missing { finding("a literal does not become shorter") }
            } else {
                let end = input[at...].firstIndex(of: 10).map { $0 + 1 } ?? input.count
                take(&reader, UnsafeRawBufferPointer(rebasing: input[at..<end]), &items)
                at = end
            }
        }
        return items
    }
}
