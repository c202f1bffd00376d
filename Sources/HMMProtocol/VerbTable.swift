/// The verb specifications compiled for the parser: plain memory that lives as long as the process, so that parsing
/// neither retains nor copies.
struct CompiledVerb {
    let name: ShortName
    /// Its place among the verbs of its table; in the protocol's own, `VerbName`'s number.
    let number: UInt8
    let arguments: UnsafeBufferPointer<CompiledArgument>
    let required: UInt32
    /// The only argument takes the rest of the line.
    let variadic: Bool
}

struct CompiledArgument {
    let name: ShortName
    let kind: ArgumentKind
    let form: Form
    /// The words of a `choice` or `choices`, or of a flag.
    let words: UnsafeBufferPointer<ShortName>
    /// For `name`: which of the two name slots it fills.
    let isSecondName: Bool

    /// The kinds as a plain byte, for the hot path.
    enum Form: UInt8, Comparable {
        case number, id, address, page, length, pages, choice, other

        @inline(__always) static func < (a: Form, b: Form) -> Bool { a.rawValue < b.rawValue }
    }
}

struct VerbTable: @unchecked Sendable {
    /// Built on first use and never changed or freed, hence safe to share.
    static let shared = VerbTable(VerbName.allCases.map(\.spec))

    private let verbs: UnsafeBufferPointer<CompiledVerb>
    /// For each hash of a name the position in `verbs` plus one, or 0.
    private let index: UnsafeBufferPointer<UInt8>
    private static let indexSize = 256

    /// At most 255 verbs, and some fewer names than `indexSize`. The memory is never freed.
    init(_ specs: [VerbSpec]) {
        verbs = Self.compile(specs)
        index = Self.makeIndex(verbs)
    }

    /// The verb called `name`.
    @inline(__always)
    func find(_ name: ShortName) -> UnsafePointer<CompiledVerb>? {
        var slot = Self.hash(name)
        while true {
            let position = Int(index[slot])
            if position == 0 { return nil }
            let verb = verbs.baseAddress.unsafelyUnwrapped + (position - 1)
            if verb.pointee.name == name { return verb }
            slot = (slot + 1) & (Self.indexSize - 1)
        }
    }

    /// The verb of up to seven letters that stands at `start` and ends at a space or at the end of the line: looked up
    /// as one word, without looking at its letters. Nil for anything else, a known verb with a longer name included.
    @inline(__always)
    func findShort(_ line: Span<UInt8>, from start: Int) -> (UnsafePointer<CompiledVerb>, length: Int)? {
        let word = Self.word(line, start)
        // The lowest byte that is a space, or zero past the end of the line.
        let ones: UInt64 = 0x0101_0101_0101_0101
        let spaces = word ^ (ones &* 0x20)
        let ends = (((spaces &- ones) & ~spaces) | ((word &- ones) & ~word)) & (ones << 7)
        guard ends != 0 else { return nil }
        let length = ends.trailingZeroBitCount >> 3
        let letters = word & ((1 &<< UInt64(truncatingIfNeeded: length * 8)) &- 1)
        var slot = Self.hash(letters, length)
        while true {
            let position = Int(index[slot])
            if position == 0 { return nil }
            let verb = verbs.baseAddress.unsafelyUnwrapped + (position - 1)
            if verb.pointee.name.prefixWord == letters, Int(verb.pointee.name.count) == length { return (verb, length) }
            slot = (slot + 1) & (Self.indexSize - 1)
        }
    }

    /// The eight bytes at `start`, zeroes past the end.
    @inline(__always)
    private static func word(_ line: Span<UInt8>, _ start: Int) -> UInt64 {
        let count = line.count - start
        if count >= 8 { return line.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self) }
        if count >= 4 {
            let low = line.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt32.self)
            let high = line.bytes.unsafeLoadUnaligned(fromByteOffset: start + count - 4, as: UInt32.self)
            return UInt64(low) | UInt64(high) &<< UInt64(truncatingIfNeeded: (count - 4) * 8)
        }
        var word: UInt64 = 0
        for offset in 0..<max(0, count) { word |= UInt64(line[start + offset]) << UInt64(offset * 8) }
        return word
    }

    @inline(__always)
    private static func hash(_ name: ShortName) -> Int { hash(name.prefixWord, Int(name.count)) }

    @inline(__always)
    private static func hash(_ prefix: UInt64, _ length: Int) -> Int {
        let mixed = (prefix ^ UInt64(truncatingIfNeeded: length)) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: mixed >> 56)
    }

    private static func compile(_ specs: [VerbSpec]) -> UnsafeBufferPointer<CompiledVerb> {
        let table = UnsafeMutableBufferPointer<CompiledVerb>.allocate(capacity: specs.count)
        for (position, spec) in specs.enumerated() {
            table.initializeElement(at: position, to: compile(spec, UInt8(truncatingIfNeeded: position)))
        }
        return UnsafeBufferPointer(table)
    }

    private static func compile(_ spec: VerbSpec, _ number: UInt8) -> CompiledVerb {
        let arguments = UnsafeMutableBufferPointer<CompiledArgument>.allocate(capacity: spec.arguments.count)
        var required: UInt32 = 0
        var names = 0
        for (position, argument) in spec.arguments.enumerated() {
            if argument.need == .required { required |= 1 << UInt32(position) }
            if argument.kind == .name { names += 1 }
            arguments.initializeElement(
                at: position,
                to: CompiledArgument(
                    name: ShortName(argument.name) ?? .none, kind: argument.kind, form: form(of: argument.kind),
                    words: words(of: argument.kind), isSecondName: names > 1))
        }
        return CompiledVerb(
            name: ShortName(spec.name) ?? .none, number: number, arguments: UnsafeBufferPointer(arguments),
            required: required, variadic: spec.arguments.first?.kind == .numbers)
    }

    private static func form(of kind: ArgumentKind) -> CompiledArgument.Form {
        switch kind {
        case .number: .number
        case .id: .id
        case .address: .address
        case .page: .page
        case .length: .length
        case .pages: .pages
        case .flag, .choice: .choice
        case .name, .choices, .protection, .data, .pattern, .numbers: .other
        }
    }

    private static func words(of kind: ArgumentKind) -> UnsafeBufferPointer<ShortName> {
        let texts: [String] =
            switch kind {
            case .flag: ["no", "yes"]
            case .choice(let words), .choices(let words): words
            default: []
            }
        let words = UnsafeMutableBufferPointer<ShortName>.allocate(capacity: texts.count)
        _ = words.initialize(from: texts.map { ShortName($0) ?? .none })
        return UnsafeBufferPointer(words)
    }

    private static func makeIndex(_ verbs: UnsafeBufferPointer<CompiledVerb>) -> UnsafeBufferPointer<UInt8> {
        let index = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: indexSize)
        index.initialize(repeating: 0)
        for position in verbs.indices {
            var slot = hash(verbs[position].name)
            while index[slot] != 0 { slot = (slot + 1) & (indexSize - 1) }
            index[slot] = UInt8(position + 1)
        }
        return UnsafeBufferPointer(index)
    }
}
