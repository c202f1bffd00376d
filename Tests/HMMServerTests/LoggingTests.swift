import Glibc
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

    /// A pipe, and what has been written to it when everybody who writes has gone.
    private struct Pipe {
        private(set) var ends: (read: Int32, write: Int32) = (-1, -1)

        init() {
            var both: [Int32] = [-1, -1]
            #expect(pipe(&both) == 0)
            ends = (both[0], both[1])
        }

        func readAll() -> String {
            var text: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 65536)
            while case let count = read(ends.read, &piece, piece.count), count > 0 { text += piece[..<count] }
            close(ends.read)
            return String(decoding: text, as: UTF8.self)
        }
    }

    @Test func nobodyWaitsForAPipeThatIsFull() async {
        let pipe = Pipe()
        let writer = LogWriter(pipe.ends.write, bound: 1000)
        // More than a pipe takes, and then more than waits.
        writer.write(String(repeating: "a", count: 999) + "\n")
        while case var count = Int32(0), ioctl(pipe.ends.read, UInt(FIONREAD), &count) == 0, count < 1000 {}
        for _ in 0..<100 {
            writer.write(String(repeating: "b", count: 999) + "\n")
            await Task.yield()
        }
        for _ in 0..<100 { writer.write(String(repeating: "c", count: 999) + "\n") }
        let text = Task.detached { pipe.readAll() }
        writer.flush(seconds: 30)
        close(pipe.ends.write)
        let lines = await text.value.split(separator: "\n")
        let dropped = lines.filter { $0.contains("msg=\"log lines dropped\" dropped=") }
            .compactMap { $0.split(separator: "=").last.flatMap { Int($0) } }
        #expect(lines.first == Substring(String(repeating: "a", count: 999)))
        #expect(dropped.reduce(0, +) >= 100)
        #expect(lines.count - dropped.count + dropped.reduce(0, +) == 201)
    }

    @Test func aReaderThatHasGoneIsNoReasonToEnd() {
        _ = LogWriter.standardError
        let pipe = Pipe()
        close(pipe.ends.read)
        let writer = LogWriter(pipe.ends.write, bound: 1000)
        writer.write("a\n")
        writer.flush(seconds: 30)
        close(pipe.ends.write)
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
