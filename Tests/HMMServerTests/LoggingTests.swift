import HMMEngine
import Logging
import Testing

@testable import HMMServer

@Suite struct LoggingTests {
    @Test func linesAreLogfmt() {
        let lines = LogLines()
        var logger = Logger(label: "test") { _ in LogfmtHandler(level: .info) { lines.append($0) } }
        logger[metadataKey: "b"] = "two words"
        logger.info("hello", metadata: ["a": "1"])
        logger.debug("unseen")
        #expect(lines.contains(" level=info msg=hello a=1 b=\"two words\"\n"))
        #expect(!lines.contains("unseen"))
    }

    @Test(arguments: [
        ("plain-1.2:3/x", "plain-1.2:3/x"), ("", "\"\""), ("a b", "\"a b\""), ("a=b", "\"a=b\""),
        ("say \"hi\"\\", "\"say \\\"hi\\\"\\\\\""), ("x\nlevel=error", "\"x\\nlevel=error\""),
        ("\r\t\u{0}\u{1b}[2J\u{7f}", "\"\\r\\t\\u{0}\\u{1b}[2J\\u{7f}\""),
        ("\u{202e}evil\u{200b}", "\"\\u{202e}evil\\u{200b}\""),
        ("caf\u{e9}", "\"caf\u{e9}\""),
    ])
    func peersTextCannotForgeALine(text: String, expected: String) {
        #expect(LogfmtHandler.quoted(text) == expected)
    }

    @Test func whatStrangersCauseIsThrottled() {
        let throttle = LogThrottle()
        func admit(_ second: UInt64) -> Int? { throttle.admit(at: Instant(nanoseconds: second * 1_000_000_000)) }
        for _ in 0..<5 { #expect(admit(100) == 0) }
        for _ in 0..<7 { #expect(admit(105) == nil) }
        #expect(admit(110) == 7)
        #expect(admit(111) == 0)
    }
}
