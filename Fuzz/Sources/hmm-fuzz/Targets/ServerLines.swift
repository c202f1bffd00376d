import HMMProtocol

/// What a server sends, as clients read it: the same lines however they are cut.
enum ServerLineTarget {
    static func run(_ input: UnsafeRawBufferPointer) {
        let whole = items(input, input.count)
        for size in [1, 7] where items(input, size) != whole { finding("in pieces of \(size) it reads otherwise") }
    }

    private static func items(_ input: UnsafeRawBufferPointer, _ size: Int) -> [ServerLineReader.Item] {
        var reader = ServerLineReader(lineLimit: 256, literalLimit: 512)
        var items: [ServerLineReader.Item] = []
        var start = 0
        while start < input.count {
            let end = min(input.count, start + size)
            reader.append(UnsafeRawBufferPointer(rebasing: input[start..<end]))
            start = end
            do throws(ServerLineError) {
                while let item = try reader.next() { items.append(item) }
            } catch {
                guard (try? reader.next()) == nil else { finding("an error that does not last") }
                return items
            }
        }
        return items
    }
}
