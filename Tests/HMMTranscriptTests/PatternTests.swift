import Testing

@testable import HMMTranscript

@Suite struct PatternTests {
    private func match(_ pattern: String, _ line: String, _ bound: [String: String] = [:]) -> [String: String]? {
        Pattern(pattern).match(Array(line.utf8), bound.mapValues { Array($0.utf8) })?
            .mapValues { String(decoding: $0, as: UTF8.self) }
    }

    @Test func namesBind() {
        #expect(match("+ mm=$mm", "+ mm=2") == ["mm": "2"])
        #expect(match("+ mm=$mm", "+ mm=2", ["mm": "2"]) == ["mm": "2"])
        #expect(match("+ mm=$mm", "+ mm=3", ["mm": "2"]) == nil)
        #expect(match("+ mm=$mm", "+ mm=") == nil)
        #expect(match("+ mm=$mm", "+ mm=2 x=1") == nil)
        #expect(match("+ a=$x b=$x", "+ a=7 b=7") == ["x": "7"])
        #expect(match("+ a=$x b=$x", "+ a=7 b=8") == nil)
        #expect(match("= waits-for=$a:$n,$b:9", "= waits-for=1:2,3:9") == ["a": "1", "n": "2", "b": "3"])
        #expect(match("+$t", "+abc") == ["t": "abc"])
        #expect(match("= data=$d n=1", "= data=\"a \\\" b\" n=1") == ["d": "\"a \\\" b\""])
    }

    @Test func starMatchesTheRestOfAValue() {
        #expect(match("!1 inval seq=* lease=*", "!1 inval seq=41 lease=5000") != nil)
        #expect(match("!1 inval seq=*", "!1 inval seq=41 lease=5000") == nil)
        #expect(match("+ va=0x7f*", "+ va=0x7fff0000") != nil)
        #expect(match("+ va=0x7f*", "+ va=0x10000") == nil)
        #expect(match("= doc=* n=1", "= doc=\"two words\" n=1") != nil)
        #expect(match("+ a=*,*", "+ a=1,2") != nil)
        #expect(match("+ a=\\*", "+ a=*") != nil)
        #expect(match("+ a=\\*", "+ a=1") == nil)
    }

    @Test func lastStarMatchesTheRestOfTheLine() {
        #expect(match("+ pages=1 *", "+ pages=1") != nil)
        #expect(match("+ pages=1 *", "+ pages=1 seq=2 : x") != nil)
        #expect(match("+ pages=1 *", "+ pages=12") == nil)
        #expect(match("*", "- ANY EIO : thing") != nil)
    }

    @Test func textTakesAnything() {
        #expect(match("- NOMAP EFAULT va=0x1 : *", "- NOMAP EFAULT va=0x1 : not mapped, \"sorry") != nil)
        #expect(match("- NOMAP EFAULT : *is*", "- NOMAP EFAULT : 0x1 is not mapped") != nil)
        #expect(match("- NOMAP EFAULT : no \"x", "- NOMAP EFAULT : no \"x") != nil)
        #expect(match("- NOMAP EFAULT : *", "- NOMAP EFAULT") == nil)
        #expect(match("- NOMAP EFAULT", "- NOMAP EFAULT : x") == nil)
        #expect(match("- LIMIT EDQUOT : $$5 for $n", "- LIMIT EDQUOT : $5 for 7") == ["n": "7"])
    }

    @Test func noticesAndQuotesAreLiteral() {
        #expect(match("* bye QUIT", "* bye QUIT") != nil)
        #expect(match("* bye QUIT", "+ bye QUIT") == nil)
        #expect(match("* HMM/1 *", "* HMM/1 auth=mtls page=4096") != nil)
        #expect(match("= data=\"a*$b\"", "= data=\"a*$b\"") != nil)
        #expect(match("= data=\"a*\"", "= data=\"ab\"") == nil)
        #expect(match("= data=\"a\\\"*\" n=*", "= data=\"a\\\"*\" n=3") != nil)
    }

    /// However many stars and names there are in a word, it is found out soon whether they match.
    @Test func manyStarsAreNoEndlessWork() {
        #expect(match("+ va=\(String(repeating: "*", count: 84))0x1", "+ va=110x1") != nil)
        #expect(match("+ \(String(repeating: "*a", count: 40))b", "+ \(String(repeating: "a", count: 400))") == nil)
        let names = (0..<20).map { "$n\($0)" }.joined()
        #expect(match("+ \(names)b", "+ \(String(repeating: "a", count: 400))") == nil)
    }

    @Test func templatesFill() throws {
        #expect(
            try Template("munmap $mm 0x10000 $$5 $1 $").fill(["mm": Array("2".utf8)]).get()
                == Array("munmap 2 0x10000 $5 $1 $".utf8))
        #expect(throws: Template.UnboundName.self) { try Template("munmap $mm").fill([:]).get() }
    }
}
