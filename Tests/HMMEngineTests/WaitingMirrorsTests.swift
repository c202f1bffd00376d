import HMMMemory
import Testing

@testable import HMMEngine

@Suite struct WaitingMirrorsTests {
    private static func entry(_ mirror: UInt32) -> Round.Waiting {
        Round.Waiting(
            mirror: MirrorID(rawValue: mirror), connection: ConnectionID(rawValue: 1), event: UInt64(mirror) * 10,
            deadline: Instant(nanoseconds: UInt64(mirror)), warning: nil)
    }

    /// Every other number up to twice `count`.
    private static func make(_ count: UInt32) -> WaitingMirrors {
        var waiting = WaitingMirrors()
        for mirror in 1...count { waiting.append(entry(2 * mirror)) }
        return waiting
    }

    private static func mirrors(_ waiting: WaitingMirrors) -> [UInt32] { waiting.entries.map(\.mirror.rawValue) }

    /// In whatever order they let go, those that are left are there, in order.
    @Test(arguments: [1, 7, 64]) func oneAfterTheOther(stride: Int) {
        var waiting = Self.make(65)
        var left = (1...65).map { 2 * UInt32($0) }
        var position = 0
        while !left.isEmpty {
            position = (position + stride) % left.count
            let mirror = left.remove(at: position)
            waiting.remove(MirrorID(rawValue: mirror), event: UInt64(mirror) * 10)
            #expect(Self.mirrors(waiting) == left && waiting.count == left.count)
        }
        #expect(waiting.isEmpty && waiting == WaitingMirrors())
    }

    @Test func nobodyElseGoes() {
        var waiting = Self.make(3)
        waiting.remove(MirrorID(rawValue: 4), event: 41)
        waiting.remove(MirrorID(rawValue: 3), event: 30)
        waiting.remove(MirrorID(rawValue: 9), event: 90)
        waiting.remove([1, 3, 5, 9].map { MirrorID(rawValue: $0) })
        #expect(Self.mirrors(waiting) == [2, 4, 6])
        waiting.remove(MirrorID(rawValue: 4), event: 40)
        waiting.remove(MirrorID(rawValue: 4), event: 40)
        #expect(Self.mirrors(waiting) == [2, 6] && waiting.count == 2)
        #expect(waiting != Self.make(3))
    }

    @Test func manyAtOnce() {
        var waiting = Self.make(10)
        let gone = [1, 2, 3, 4, 12, 20, 30].map { MirrorID(rawValue: $0) }
        #expect(waiting.count(of: gone) == 4)
        waiting.remove(gone)
        #expect(Self.mirrors(waiting) == [6, 8, 10, 14, 16, 18] && waiting.count(of: gone) == 0)
        waiting.update { $0.warning = $0.deadline }
        #expect(waiting.entries.compactMap(\.warning?.nanoseconds) == [6, 8, 10, 14, 16, 18])
    }
}
