import Testing

@testable import HMMMemory

@Suite struct IDTableTests {
    /// An object that says when it goes.
    private final class Tracked {
        let value: Int
        let count: Count

        init(_ value: Int, _ count: Count) {
            self.value = value
            self.count = count
            count.alive += 1
        }

        deinit { count.alive -= 1 }
    }

    private final class Count { var alive = 0 }

    @Test func numbersAscendAndNeverComeBack() {
        var table = IDTable<SpaceID, Int>()
        #expect((table.isEmpty ? table.nextID.rawValue : 0) == 1)
        let ids = (0..<9).map { table.append($0) }
        #expect(ids.map(\.rawValue) == Array(1...9))
        #expect(table.remove(ids[8]) == 8)
        #expect(table.nextID.rawValue == 10)
        #expect(table.append(9).rawValue == 10)
    }

    @Test func manyAreRemovedAtOnce() {
        let count = Count()
        var table = IDTable<MirrorID, Tracked>()
        let ids = (0..<9).map { table.append(Tracked($0, count)) }
        _ = table.remove(ids[4])
        table.remove(ascending: [ids[0], ids[3], ids[4], ids[8], MirrorID(rawValue: 99)])
        #expect(count.alive == 5)
        #expect((0..<table.count).map { table[$0].value } == [1, 2, 5, 6, 7])
        #expect(table.index(of: ids[6]) == 3 && table.index(of: ids[3]) == nil)
        table.remove(ascending: [])
        table.remove(ascending: [ids[5]])
        // Their places are used again.
        for value in 10..<30 { _ = table.append(Tracked(value, count)) }
        #expect(count.alive == 24 && table.count == 24)
        #expect((0..<table.count).map { table[$0].value } == [1, 2, 6, 7] + Array(10..<30))
    }

    /// Removal at random against a dictionary: found at once or by searching, every object is where it says.
    @Test func findsWhatIsLeft() {
        var table = IDTable<MirrorID, Int>()
        var model: [UInt32: Int] = [:]
        var numbers = Numbers(seed: 7)
        for step in 0..<2000 {
            if numbers.roll(3) > 0 {
                model[table.append(step).rawValue] = step
            } else if let raw = model.keys.sorted().randomElement(using: &numbers) {
                #expect(table.remove(MirrorID(rawValue: raw)) == model.removeValue(forKey: raw))
                #expect(table.remove(MirrorID(rawValue: raw)) == nil)
            }
            #expect(table.count == model.count)
        }
        for raw in 0...table.nextID.rawValue {
            #expect(table.index(of: MirrorID(rawValue: raw)).map { table[$0] } == model[raw])
            #expect(table.contains(MirrorID(rawValue: raw)) == (model[raw] != nil))
        }
        #expect((0..<table.count).map { table.id(at: $0).rawValue } == model.keys.sorted())
    }

    @Test func numbersGivenFromOutside() {
        var table = IDTable<SpaceID, String>()
        table.append("seven", id: SpaceID(rawValue: 7))
        table.append("nine", id: SpaceID(rawValue: 9))
        #expect(table.index(of: SpaceID(rawValue: 1)) == nil)
        #expect(table.index(of: SpaceID(rawValue: 8)) == nil)
        #expect(table.index(of: SpaceID(rawValue: 9)) == 1)
        #expect(table.nextID.rawValue == 10)
        table[0] += "!"
        #expect(table[0] == "seven!")
        #expect(table.index(of: SpaceID(rawValue: 0)) == nil)
        #expect(table.index(of: SpaceID(rawValue: .max)) == nil)
    }

    @Test func everyObjectGoesOnce() {
        let count = Count()
        do {
            var table = IDTable<DeviceID, Tracked>()
            let ids = (0..<40).map { table.append(Tracked($0, count)) }
            #expect(count.alive == 40)
            for id in ids where id.rawValue % 3 == 0 { #expect(table.remove(id)?.value == Int(id.rawValue) - 1) }
            #expect(count.alive == 27)
        }
        #expect(count.alive == 0)
    }
}

/// Numbers that look random and are the same everywhere.
struct Numbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 33
    }

    /// From 0 up to `sides`.
    mutating func roll(_ sides: UInt64) -> UInt64 { (next() >> 7) % sides }
}
