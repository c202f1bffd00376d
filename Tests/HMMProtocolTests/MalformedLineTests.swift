import HMMProtocol
import Testing

/// Lines that are wrong in every way a line can be, each followed by a `ping` that is read unless the line closes.
@Suite struct MalformedLineTests {
    private static func line(_ text: String, _ code: ErrorCode, tag: String = "") -> Conversation {
        Conversation("\(text)\nping\n", .refused(code, tag: tag), .request("ping"))
    }

    static let grammar = [
        line(" ping", .syntax), line("Ping", .syntax), line("PING", .syntax), line("1ping", .syntax),
        line("-ping", .syntax), line(".ping", .syntax), line("ping\t", .syntax), line("ping=1", .syntax),
        line("p_ing", .syntax), line("   ", .syntax), line("ping;", .syntax), line("ping\"x\"", .syntax),
        line("read 1\t0x10000 1", .syntax), line("read 1,0x10000=1", .syntax),
        line("read =1", .syntax), line("read 1=2", .syntax), line("read Mm=1", .syntax), line("read 9m=1", .syntax),
        line("read mm==1", .syntax), line("read mm=1=1", .syntax), line("read mm= 1", .syntax),
        line("read mm=", .syntax), line("read mm=1;", .syntax), line("read mm=(1)", .syntax),
        line("read mm='1'", .syntax), line("read mm=1\u{e9}", .syntax), line("read 1 0x10000 1$", .syntax),
        line("write 1 0 \"a\"b", .syntax), line("write 1 0 a\"b\"", .syntax), line("write 1 0 \"a\"\"b\"", .syntax),
        line("write 1 0 \"", .syntax), line("write 1 0 \"abc", .syntax), line("write 1 0 \"abc\\\"", .syntax),
        line("write 1 0 \"abc\\", .syntax), line("write 1 0 data=\"", .syntax),
        line("write 1 0 \"\\q\"", .syntax), line("write 1 0 \"\\N\"", .syntax), line("write 1 0 \"\\0\"", .syntax),
        line("write 1 0 \"\\x\"", .syntax), line("write 1 0 \"\\x4\"", .syntax), line("write 1 0 \"\\x4g\"", .syntax),
        line("write 1 0 \"\\X41\"", .syntax), line("write 1 0 \"a\tb\"", .syntax),
        line("write 1 0 \"\u{7f}\"", .syntax),
        line("write 1 0 data=aGk=", .syntax), line("write 1 0 b64:aA===", .syntax),
        line("write 1 0 data=b64:aA==x", .syntax),
        // What is wrong with the grammar counts before what is wrong with the meaning, wherever it stands.
        line("frob mm=", .syntax), line("read 0 x \"", .syntax), line("read nosuch=1 mm=1=", .syntax),
    ]

    static let tags = [
        line("# ping", .syntax), line("#ping", .syntax), line("#t1", .syntax), line("#t1  ping", .syntax, tag: "t1"),
        line("##t ping", .syntax), line("#t!1 ping", .syntax), line("#t/1 ping", .syntax),
        line("#t\u{e4} ping", .syntax),
        line("#\(String(repeating: "x", count: 33)) ping", .syntax), line("# t1 ping", .syntax),
        line("#t1 ", .syntax, tag: "t1"), line("#t1 #t2 ping", .syntax, tag: "t1"),
        line("#t1 Ping", .syntax, tag: "t1"),
        line("#t1 read mm=", .syntax, tag: "t1"), line("#t1 frob", .unknownVerb, tag: "t1"),
        line("#t1 read 0", .badArgument, tag: "t1"), line("#t1 read", .missing, tag: "t1"),
        line("#A-z.0_9 frob", .unknownVerb, tag: "A-z.0_9"),
    ]

    static let verbs = [
        line("frob", .unknownVerb), line("p", .unknownVerb), line("pingg", .unknownVerb), line("mm", .unknownVerb),
        line("mm.create.x", .unknownVerb), line("mm-create", .unknownVerb), line("x-new 1 a=b \"c\"", .unknownVerb),
        line("a\(String(repeating: "b", count: 31))", .unknownVerb),
        line("a\(String(repeating: "b", count: 32))", .unknownVerb),
        line("a\(String(repeating: "b", count: 500))", .unknownVerb),
    ]

    static let arguments = [
        line("mm.drop", .missing), line("read", .missing), line("read 1", .missing), line("read 1 0x10000", .missing),
        line("read len=1 va=0x10000", .missing), line("ack", .missing), line("migrate 1 0x10000 1p", .missing),
        line("mm.drop mm=1 mm=1", .badArgument), line("mm.drop 1 mm=1", .badArgument),
        line("hello enable=lease enable=lease", .badArgument),
        line("mm.drop nm=1", .badArgument), line("mm.drop 1 x=1", .badArgument), line("ping x=1", .badArgument),
        line("mm.drop m\(String(repeating: "m", count: 31))=1", .badArgument),
        line("mm.drop m\(String(repeating: "m", count: 32))=1", .badArgument),
        line("mm.drop 1 2", .badArgument), line("ping 1", .badArgument), line("read 1 0x10000 1 auto 1", .badArgument),
        line("read mm=1 0x10000 1", .badArgument), line("read 1 va=0x10000 1", .badArgument),
        line("munmap len=1p 1 0x10000", .badArgument),
        // The first error counts.
        line("read 0 mm=1 mm=1", .badArgument), line("ping \(many(65))", .badArgument),
        line("ack \(many(65))", .tooLong), line("#t ack \(many(200))", .tooLong, tag: "t"),
    ]

    static let values = [
        line("mm.drop 0", .badArgument), line("mm.drop 4294967296", .badArgument), line("mm.drop -1", .badArgument),
        line("mm.drop 1x", .badArgument), line("mm.drop 0x", .badArgument), line("mm.drop 0X1", .badArgument),
        line("mm.drop 0xg", .badArgument), line("mm.drop x1", .badArgument), line("mm.drop 1.0", .badArgument),
        line("mm.drop 1,2", .badArgument), line("mm.drop \"1\"", .badArgument), line("mm.drop +1", .badArgument),
        line("mm.drop 1kk", .badArgument), line("mm.drop 1K", .badArgument), line("mm.drop k", .badArgument),
        line("ack 18446744073709551616", .badArgument), line("ack 99999999999999999999", .badArgument),
        line("ack 184467440737095516160", .badArgument), line("ack 0x10000000000000000", .badArgument),
        line("ack 16777216t", .badArgument), line("ack 17179869184g", .badArgument),
        line("ack 17592186044416m", .badArgument), line("ack 18014398509481984k", .badArgument),
        line("ack 4503599627370496p", .badArgument), line("ack 18446744073709551615k", .badArgument),
        line("ack 1 2 x", .badArgument), line("ack 1,2", .badArgument), line("ack \"1\"", .badArgument),
        line("munmap 1 0x10001 1p", .badArgument), line("munmap 1 0x10800 1p", .badArgument),
        line("munmap 1 0x10000 0", .badArgument), line("fault 1 0x10000 4095", .badArgument),
        line("fault 1 0x10000 4097", .badArgument), line("fault 1 0x10000 0", .badArgument),
        line("region.create g 1", .badArgument), line("region.create g 0p", .badArgument),
        line("read 1 0x7ffffffff000 1", .badArgument), line("read 1 0x7fffffffefff 2", .badArgument),
        line("read 1 0xffffffffffffffff 1", .badArgument),
        line("read 1 0xffffffffffffffff 0xffffffffffffffff", .badArgument),
        line("munmap 1 0xfffffffffffff000 1p", .badArgument), line("munmap 1 0xfffffffffffff000 4096", .badArgument),
        line("fault 1 0x7fffffffe000 2p", .badArgument), line("mmap 1 len=0x7ffffffff001", .badArgument),
        line("mirror 1 g va=0x7ffffffff000", .badArgument), line("mirror 1 g va=0xfffffffffffff000", .badArgument),
        line("mirror 1 g lease=0", .badArgument), line("mirror 1 g lease=soon", .badArgument),
        line("mirror 1 g ack=never", .badArgument), line("mirror 1 Gpu", .badArgument),
        line("mirror 1 0gpu", .badArgument),
        line("dev.create g_0", .badArgument), line("dev.create \"gpu\"", .badArgument),
        line("dev.create system", .badArgument),
        line("dev.create g\(String(repeating: "x", count: 32))", .badArgument),
        line("fault 1 0x10000 1p access=rw", .badArgument), line("fault 1 0x10000 1p R", .badArgument),
        line("fault 1 0x10000 1p nowait=1", .badArgument), line("fault 1 0x10000 1p nowait=true", .badArgument),
        line("mmap 1 len=1 prot=rr", .badArgument), line("mmap 1 len=1 prot=rwxn", .badArgument),
        line("mmap 1 len=1 prot=RW", .badArgument), line("mmap 1 len=1 prot=noner", .badArgument),
        line("hello version=2", .badArgument), line("hello version=0", .badArgument),
        line("hello enable=x", .badArgument),
        line("hello enable=lease,", .badArgument), line("hello enable=,lease", .badArgument),
        line("hello enable=lease,x", .badArgument), line("region.create g 1p kind=public", .badArgument),
        line("write 1 0 hex:0", .badArgument), line("write 1 0 hex:0g", .badArgument),
        line("write 1 0 hex:00:", .badArgument),
        line("write 1 0 b64:a", .badArgument), line("write 1 0 b64:aaaaa", .badArgument),
        line("write 1 0 b64:aA=", .badArgument),
        line("write 1 0 b64:aGk==", .badArgument), line("write 1 0 b64:=", .badArgument),
        line("write 1 0 b64:aB", .badArgument),
        line("write 1 0 b64:aGl=", .badArgument), line("write 1 0 b64:a-k", .badArgument),
        line("mm.drop b64:aA==", .badArgument),
    ]

    @Test(arguments: grammar + tags) func breaksTheGrammar(_ conversation: Conversation) { Reading.check(conversation) }
    @Test(arguments: verbs + arguments) func hasNoMeaning(_ conversation: Conversation) { Reading.check(conversation) }
    @Test(arguments: values) func hasAnIllegalValue(_ conversation: Conversation) { Reading.check(conversation) }

    /// Texts are for people, but they have to name what is wrong, where that can be known.
    @Test(arguments: [
        ("frob", "help"), ("read 1 0x10000", "`len`"), ("mm.drop 1 mm=1", "`mm` is given twice"),
        ("read mm=1 0x10000 1", "cannot follow"), ("ping 1", "too many arguments"), ("ping x=1", "unknown argument"),
        ("munmap 1 5 1p", "page-aligned"), ("read 1 0x7fffffffefff 2", "0x7ffffffff000"), ("read mm=", "missing after"),
        ("read 1 0x10000 1$", "column 17"), ("write 1 0 \"a", "closing quote"), ("#t", "1 to 32"),
        ("mmap 1 len=1 prot=q", "`none`"), ("hello version=9", "version 1"), ("read a=b=c", "cannot hold `=`"),
    ])
    func saysWhatIsWrong(_ line: String, _ part: String) {
        #expect(Reading.failure(line)?.text.contains(part) == true)
    }

    private static func many(_ count: Int) -> String { String(repeating: "1 ", count: count) }
}
