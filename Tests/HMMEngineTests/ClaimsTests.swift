import HMMMemory
import Testing

@testable import HMMEngine

@Suite struct ClaimsTests {
    /// Everything that claims do against a list of them.
    @Test(arguments: 1...6 as ClosedRange<UInt64>) func theyAreAList(_ seed: UInt64) {
        var dice = Dice(state: seed)
        var claims = Claims()
        var model: [Claims.Claim] = []
        var number: UInt32 = 0
        for _ in 0..<3000 {
            if model.isEmpty || dice.roll(5) < 3 {
                number += 1
                for _ in 0...dice.roll(3) {
                    let claim = Self.claim(number, &dice)
                    claims.insert(claim)
                    model.append(claim)
                }
            } else {
                let claim = model.remove(at: Int(dice.roll(UInt64(model.count))))
                #expect(claims.contains(claim))
                claims.remove(claim)
            }
            #expect(claims.count == model.count)
            compare(claims, model, number, &dice)
        }
        for claim in model { claims.remove(claim) }
        #expect(claims.isEmpty)
    }

    /// Claims of a few pages, and some of very many.
    private static func claim(_ number: UInt32, _ dice: inout Dice) -> Claims.Claim {
        let isWide = dice.roll(40) == 0
        let start = Page(number: isWide ? 0 : dice.roll(2000))
        return Claims.Claim(
            space: SpaceID(rawValue: UInt32(1 + dice.roll(3))),
            range: PageRange(start, start + (isWide ? 3000 : 1 + dice.roll(8))), id: OperationID(rawValue: number),
            holds: number % 4 == 0)
    }

    private func compare(_ claims: Claims, _ model: [Claims.Claim], _ number: UInt32, _ dice: inout Dice) {
        let start = Page(number: dice.roll(2100))
        let range = PageRange(start, start + 1 + dice.roll(20))
        let space = SpaceID(rawValue: UInt32(dice.roll(5)))
        let bound = OperationID(rawValue: UInt32(dice.roll(UInt64(number) + 2)))
        let odd = dice.roll(2) == 0
        func applies(_ id: OperationID) -> Bool { odd || id.rawValue % 7 == 0 }
        let expected = model.filter {
            $0.space == space && $0.range.overlaps(range) && ($0.holds || $0.id < bound) && applies($0.id)
        }
        var looked: UInt64 = 0
        let found = claims.first(on: range, of: space, waitingBelow: bound, &looked, where: applies)
        #expect(found == expected.map(\.id).min())
    }

    /// Who asks about a page of his own does not look at all that wait for others.
    @Test func mostArePassedOver() {
        var claims = Claims()
        let space = SpaceID(rawValue: 1)
        for number in 1...4096 as ClosedRange<UInt32> {
            claims.insert(
                Claims.Claim(
                    space: space, range: PageRange(Page(number: UInt64(number))), id: OperationID(rawValue: number),
                    holds: false))
        }
        var looked: UInt64 = 0
        let last = OperationID(rawValue: 20000)
        for page in [100, 1900, 4000] as [UInt64] {
            let range = PageRange(Page(number: page))
            #expect(
                claims.first(on: range, of: space, waitingBelow: last, &looked) { _ in true }?.rawValue == UInt32(page))
        }
        #expect(looked < 3 * 256)
    }
}

private struct Dice {
    var state: UInt64

    /// From 0 up to `sides`.
    mutating func roll(_ sides: UInt64) -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return ((state ^ state >> 33) >> 7) % sides
    }
}
