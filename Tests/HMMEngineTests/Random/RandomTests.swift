import Foundation
import HMMHarness
import Testing

@testable import HMMSimulator

/// Random clients against a model that has neither page tables nor frames. A failure names its seed: HMM_SEED plays
/// that one alone, HMM_SEEDS says how many are played.
@Suite struct RandomTests {
    private static let blocks = 40
    private static let environment = ProcessInfo.processInfo.environment

    @Test(arguments: 0..<blocks) func agreesWithTheModel(_ block: Int) throws {
        if let seed = Self.environment["HMM_SEED"].flatMap(UInt64.init) {
            if block == 0 { _ = Self.play(seed) }
            return
        }
        let count = Self.environment["HMM_SEEDS"].flatMap(Int.init) ?? 1500
        for seed in stride(from: block, to: count, by: Self.blocks) {
            let output = Self.play(UInt64(seed))
            // Some are played twice: the same bytes come out.
            if seed / Self.blocks % 16 == 0, let output {
                #expect(Self.play(UInt64(seed)) == output, "HMM_SEED=\(seed)")
            }
        }
    }

    /// Pages that may only be written and that a device has for itself; a huge page of the reserve that moves in part.
    @Test(arguments: [2845, 3251, 3266] as [UInt64]) func agreesWhereItOnceDidNot(_ seed: UInt64) {
        #expect(Self.play(seed) != nil)
    }

    /// Everything that the clients were sent; nil when it went wrong.
    private static func play(_ seed: UInt64) -> [UInt8]? {
        do {
            var world = try RandomWorld(seed: seed)
            if environment["HMM_SEED"] != nil { world.logLength = Int.max }
            for _ in 0..<80 { try world.step() }
            try world.finish()
            return world.peer.output
        } catch is RandomWorld.Unknowable {
            return nil
        } catch {
            Issue.record("HMM_SEED=\(seed) swift test --filter RandomTests: \(error)")
            return nil
        }
    }
}
