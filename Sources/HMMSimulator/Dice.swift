/// Numbers that look random and are the same for the same seed everywhere.
struct Dice {
    private var state: UInt64

    /// Mixed first, or neighbouring seeds would throw the same numbers one after the other.
    init(seed: UInt64) { state = Self.mix(seed &+ 1) }

    mutating func word() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mix(state)
    }

    private static func mix(_ word: UInt64) -> UInt64 {
        let once = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        let twice = (once ^ once >> 27) &* 0x94d0_49bb_1331_11eb
        return twice ^ twice >> 31
    }

    /// From 0 up to `sides`.
    mutating func roll(_ sides: Int) -> Int { Int(word() % UInt64(sides)) }

    mutating func chance(_ percent: Int) -> Bool { roll(100) < percent }

    mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[roll(choices.count)] }

    /// A choice, each as often as its weight says.
    mutating func pick<Choice>(weighted choices: [(Int, Choice)]) -> Choice {
        var left = roll(choices.reduce(0) { $0 + $1.0 })
        for (weight, choice) in choices {
            if left < weight { return choice }
            left -= weight
        }
        return choices[0].1
    }
}
