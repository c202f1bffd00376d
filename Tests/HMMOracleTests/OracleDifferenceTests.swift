import HMMOracle
import Testing

@Suite struct OracleDifferenceTests {
    private func difference(_ expected: String, _ results: String...) -> String? {
        OracleDifference(expected: expected, results: results)?.description
    }

    @Test func theFirstOneCounts() {
        #expect(difference("2 proc ok\n4 exit ok\n", "2 proc ok", "4 exit ok") == nil)
        #expect(
            difference("2 proc ok\n4 exit ok\n5 exit ok\n", "2 proc ok", "4 exit err EIO", "5 exit no-process")
                == "4: expected `exit ok`, got `exit err EIO`")
        #expect(difference("2 proc ok\n4 exit ok\n", "2 proc ok") == "4: expected `exit ok`, got nothing")
        #expect(difference("", "2 proc ok") == "2: expected nothing, got `proc ok`")
    }
}
