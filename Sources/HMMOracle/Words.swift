/// The words of a line, read from left to right.
struct Words {
    /// A word is missing, left over or not what belongs there.
    struct Unfit: Error {}

    private var rest: ArraySlice<String>

    init(_ words: some Sequence<String>) { rest = Array(words)[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func word() throws(Unfit) -> String {
        guard let word = rest.popFirst() else { throw Unfit() }
        return word
    }

    /// A word of `words`.
    mutating func word(of words: Set<String>) throws(Unfit) -> String {
        let word = try word()
        guard words.contains(word) else { throw Unfit() }
        return word
    }

    /// A decimal number up to 2^50: its page has an address that fits 64 bits.
    mutating func number() throws(Unfit) -> UInt64 {
        let word = try word()
        guard word.utf8.allSatisfy({ $0 &- 48 < 10 }), let number = UInt64(word), number <= 1 << 50 else {
            throw Unfit()
        }
        return number
    }

    mutating func pages() throws(Unfit) -> PageRange {
        let start = try number()
        return PageRange(start, try number())
    }

    /// `none`, or any of the letters `rwx`.
    mutating func protection() throws(Unfit) -> String {
        let word = try word()
        guard word == "none" || word.utf8.allSatisfy("rwx".utf8.contains) else { throw Unfit() }
        return word
    }

    /// Two hexadecimal digits, and perhaps a plus.
    mutating func pattern() throws(Unfit) -> String {
        let word = try word()
        let digits = word.utf8.prefix(2)
        guard digits.count == 2, digits.allSatisfy({ $0 &- 48 < 10 || ($0 | 32) &- 97 < 6 }),
            word.utf8.count == 2 || word.utf8.count == 3 && word.utf8.last == UInt8(ascii: "+")
        else { throw Unfit() }
        return word
    }
}
