/// The arguments of one request, converted and in the order of the verb's `VerbSpec`.
public struct Arguments: ~Copyable {
    /// No verb has more.
    static let capacity = 8

    var present: UInt32 = 0
    var values = InlineArray<8, UInt64>(repeating: 0)
    /// What is not a number, on the heap, so that the requests that consist of numbers stay small.
    private var other: Other?

    private final class Other {
        var names = (first: ShortName.none, second: ShortName.none)
        var data: [UInt8] = []
        var isLiteral = false
        var numbers: [UInt64] = []
    }

    private mutating func makeOther() -> Other {
        let made = other ?? Other()
        other = made
        return made
    }

    /// The first and the second argument that is a name.
    var name: ShortName { other?.names.first ?? .none }
    var secondName: ShortName { other?.names.second ?? .none }
    /// What a `data` argument holds; empty when it is a literal that has yet to come.
    var data: [UInt8] { other?.data ?? [] }
    /// The octets of the `data` argument come after the line and are not known yet.
    var isLiteral: Bool { other?.isLiteral ?? false }
    /// The numbers of a `numbers` argument after the first, which is its value.
    var moreNumbers: [UInt64] { other?.numbers ?? [] }

    mutating func set(name: ShortName, isSecond: Bool) {
        if isSecond { makeOther().names.second = name } else { makeOther().names.first = name }
    }

    mutating func set(data: [UInt8], isLiteral: Bool) {
        let other = makeOther()
        other.data = data
        other.isLiteral = isLiteral
    }

    mutating func append(number: UInt64) { makeOther().numbers.append(number) }

    @inline(__always)
    func has(_ index: Int) -> Bool { present & (1 &<< UInt32(truncatingIfNeeded: index)) != 0 }

    @inline(__always)
    func number(_ index: Int, default value: UInt64 = 0) -> UInt64 { has(index) ? values[index] : value }

    @inline(__always)
    func optional(_ index: Int) -> UInt64? { has(index) ? values[index] : nil }

    @inline(__always)
    func id(_ index: Int) -> UInt32 { UInt32(truncatingIfNeeded: values[index]) }

    @inline(__always)
    func flag(_ index: Int) -> Bool { has(index) && values[index] != 0 }

    /// The chosen word of a `choice`, as an enumeration whose cases stand in the order of the words.
    @inline(__always)
    func choice<Choice: RawRepresentable<UInt8>>(_ index: Int, default value: Choice) -> Choice {
        has(index) ? Choice(rawValue: UInt8(truncatingIfNeeded: values[index])) ?? value : value
    }

    /// The rule of a `pattern`.
    func pattern(_ index: Int) -> Pattern? { has(index) ? Pattern(number: values[index]) : nil }

    /// The byte range from `va` for `length`, refused where it leaves the user address space.
    @inline(__always)
    func extent(_ va: Int, _ length: Int) throws(Failure) -> Extent {
        try Extent(checking: values[va], values[length])
    }
}

/// A range of bytes of an address space: not empty, and inside the user half.
public struct Extent: Equatable, Sendable {
    /// One past the last user address (x86-64 with four levels, less its guard page). Kernel: TASK_SIZE_MAX.
    public static let end: UInt64 = 0x7fff_ffff_f000

    public let va: UInt64
    public let length: UInt64

    /// `BADARG` when the range is empty, wraps or leaves the user address space.
    @inline(__always)
    public init(checking va: UInt64, _ length: UInt64) throws(Failure) {
        guard length > 0, va <= Self.end, length <= Self.end - va else { throw Self.outside(va, length) }
        self.va = va
        self.length = length
    }

    /// The same for a range that may be left out, but only altogether.
    static func check(_ va: UInt64?, _ length: UInt64?) throws(Failure) {
        switch (va, length) {
        case (nil, nil): return
        case (let va?, let length?): _ = try Extent(checking: va, length)
        case (nil, _): throw .missing("va", with: "len")
        case (_, nil): throw .missing("len", with: "va")
        }
    }

    @inline(never)
    private static func outside(_ va: UInt64, _ length: UInt64) -> Failure {
        length == 0
            ? Failure(.badArgument, "the range is empty", address: va)
            : Failure(.badArgument, "the range leaves the address space, which ends at 0x7ffffffff000", address: va)
    }
}

/// Refusals that several verbs share.
extension Failure {
    /// `argument` is absent although another argument asks for it.
    @inline(never)
    static func missing(_ argument: String, with other: String) -> Failure {
        Failure(.missing, "`\(argument)` is needed with `\(other)`")
    }
}

/// Read, write and execute permission as a client writes them: `rw`, `r`, `none`.
public struct ProtectionBits: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let read = ProtectionBits(rawValue: 1)
    public static let write = ProtectionBits(rawValue: 2)
    public static let execute = ProtectionBits(rawValue: 4)
}
