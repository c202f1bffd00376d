import HMMProtocol

/// One verb's arguments: the first byte chooses the verb, the rest is what stands behind it.
enum VerbTarget {
    static func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first else { return }
        let verbs = VerbName.allCases
        let spec = verbs[verbs.index(verbs.startIndex, offsetBy: Int(first) % verbs.count)].spec
        var rest = input.dropFirst().filter { $0 != 10 }
        // Part of the line's end, and one of them is added below.
        while rest.last == 13 { rest.removeLast() }
        let line = Array(spec.name.utf8) + [32] + rest
        let plain = read(line + [10])
        guard plain.count <= 1 else { finding("\(plain.count) items of one line") }
        // As much longer as the line becomes, so that both are too long or neither.
        let tagged = read(Array("#t ".utf8) + line + [13, 10], more: 4)
        switch (plain.first, tagged.first) {
        case (nil, nil): break
        case (.request(let none, let request), .request(_, let same)):
            if !none.isEmpty || request != same { finding("a tag changes the request") }
        case (.failure(_, let failure, let closes), .failure(_, let same, let alsoCloses)):
            // Columns differ by the tag, so the sentences may.
            if failure.code != same.code || closes != alsoCloses { finding("a tag changes the error") }
            let allowed = VerbSpec.commonErrors + spec.errors + [.unknownVerb]
            if !allowed.contains(failure.code) { finding("\(spec.name) fails with \(failure.code)") }
        default: finding("a tag makes a difference: \(plain) \(tagged)")
        }
    }

    private static func read(_ octets: [UInt8], more: Int = 0) -> [RequestReader.Item] {
        var limits = Limits()
        limits.line += more
        var reader = RequestReader(limits: limits)
        var items: [RequestReader.Item] = []
        octets.withUnsafeBytes { bytes in
            var offset = 0
            while let item = reader.next(bytes, &offset) { items.append(item) }
        }
        return items
    }
}
