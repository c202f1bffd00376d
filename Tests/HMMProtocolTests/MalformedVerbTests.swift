import HMMProtocol
import Testing

/// Arguments that are right one by one, and wrong together or for their verb.
@Suite struct MalformedVerbTests {
    private static func line(_ text: String, _ code: ErrorCode = .badArgument) -> Conversation {
        Conversation("\(text)\nping\n", .refused(code), .request("ping"))
    }

    static let bytes = [
        line("write 1 0", .missing), line("write 1 0 len=5", .missing), line("write 1 0 pattern=41", .missing),
        line("write 1 0 x pattern=41"), line("write 1 0 x 5 41"), line("write 1 0 x each=yes"),
        line("write 1 0 \"\" pattern=41 len=1"), line("write 1 0 len=6 pattern=ints"),
        line("write 1 0 len=1p pattern=hex:41"), line("write 1 0 len=1p pattern=0x41"),
        line("write 1 0 len=1p pattern=4"), line("write 1 0 len=1p pattern=Ints"),
        line("write 1 0x7fffffffe000 pattern=41 len=4097"), line("write 1 0x7fffffffe000 x 4097"),
        line("write 1 0xffffffffffffffff pattern=41 len=1"), line("write 1 0 each=yes", .missing),
        line("dev.write 1 0", .missing), line("dev.write 1 0 x pattern=41"), line("dev.write 1 0 pattern=41", .missing),
        line("dev.write 1 0 len=6 pattern=-ints"), line("dev.write 1 0 x each=yes"),
        line("dev.write 1 0x7fffffffe000 pattern=41 len=4097"),
        line("read 1 0x10001 1p pages"), line("read 1 0x10000 4095 pages"), line("read 1 0x10002 4 ints"),
        line("read 1 0x10000 6 ints"), line("read 1 0x10000 1p each=yes"), line("read 1 0x10000 1p ints each=yes"),
        line("read 1 0x10000 1p hex each=yes"), line("dev.read 1 0x10001 1p pages"), line("dev.read 1 0x10000 3 ints"),
        line("dev.read 1 0x10000 1p pages each=yes"),
        line("write 1 0 pattern=41 len=1p data={4}\nquit"), line("write 1 0 each=yes data={4}\nquit"),
    ]

    static let files = [
        line("file.create f", .missing), line("file.create F 1p"), line("file.create f 0x8000000000000000"),
        line("file.create f 6 ints"), line("file.create f 1p 4"), line("file.create f 18446744073709551616"),
        line("file.truncate f", .missing), line("file.truncate f -1"), line("file.truncate f 0x8000000000000000"),
        line("file.read f 0", .missing), line("file.read f 0 0"), line("file.read f 1 1p pages"),
        line("file.read f 0 4095 pages"), line("file.read f 2 4 ints"), line("file.read f 0x7fffffffffffffff 1"),
        line("file.read f 0xffffffffffffffff 0xffffffffffffffff"), line("file.read f 0 1p pages each=yes"),
        line("file.write f 0", .missing), line("file.write f 0 x 41"), line("file.write f 0 pattern=41", .missing),
        line("file.write f 0x7fffffffffffffff x"), line("file.write f 0x7fffffffffffffff pattern=41 len=1"),
        line("file.write f 0 len=7 pattern=ints"), line("file.write f {4}\nquit"),
        line("file.remove", .missing), line("file.remove 1f"), line("file.list f"),
    ]

    static let memory = [
        line("mm.fork", .missing), line("mm.fork 0"), line("mm.fork 1 2"),
        line("mmap 1 len=1 fixed=yes", .missing), line("mmap 1 len=1 kind=file-private", .missing),
        line("mmap 1 len=1 kind=file-shared", .missing), line("mmap 1 len=1 kind=device", .missing),
        line("mmap 1 len=1 file=f"), line("mmap 1 len=1 kind=anon-shared file=f"),
        line("mmap 1 len=1 kind=hugetlb file=f"), line("mmap 1 len=1 kind=io file=f"), line("mmap 1 len=1 offset=1p"),
        line("mmap 1 len=1 kind=io offset=1p"), line("mmap 1 len=1 kind=file-shared file=f offset=1"),
        line("mmap 1 len=1 kind=file-shared file=f offset=4097"),
        line("mmap 1 len=2p kind=file-shared file=f offset=0x7ffffffffffff000"),
        line("mmap 1 len=1 kind=file"), line("mmap 1 0x10000 1 kind=hugetlb"),
        line("mmap 1 0x7fffffe00000 1 kind=hugetlb"), line("mmap 1 len=0x7ffffffff000 kind=hugetlb"),
        line("mremap 1 0x10001 1p"), line("mremap 1 0x10000 1p 0x20001"),
        line("mremap 1 0x10000 1p new-len=0"), line("mremap 1 0x7fffffffe000 2p"),
        line("mremap 1 0x10000 1p 0x7fffffffe000 2p"), line("mremap 1 0x10000 1p new-len=0x7ffffffff001"),

        line("mremap 1 0x10000 1p 0x20000 move=no"), line("mremap 1 0x10000 1p dontunmap=yes move=no"),
        line("mremap 1 0x10000 1p 0x20000 2p dontunmap=yes"),
        line("madvise 1 0x10000 1p", .missing), line("madvise 1 0x10000 1p willneed"),
        line("madvise 1 0x10001 1p free"), line("madvise 1 0x10000 0 free"), line("madvise 1 0x7fffffffe000 2p free"),
        line("pagemap 1 0x10000", .missing), line("pagemap 1 0x7fffffffe000 2p"), line("pagemap 1 1 1p"),
        line("pin 1 0x10000", .missing), line("pin 1 0x10000 1p none"), line("pin 1 0x10000 1p rw"),
        line("pin 1 0x10000 1p r slow"), line("pin 1 0x7fffffffe000 2p"), line("unpin", .missing), line("unpin 0"),
        line("unpin 1 2"),
    ]

    static let devices = [
        line("dev.create system"), line("dev.create g profile=amd"), line("dev.create g chunk=1"),
        line("dev.create g chunk=0"), line("dev.create g umbrella=U"), line("dev.create g to-ram=cpu"),
        line("dev.create g free-events=1"), line("dev.create g deadline=0"), line("dev.create g persist=maybe"),
        line("dev.remove", .missing), line("dev.remove G"), line("region.create g 1p public"),
        line("region.create g 1p pfn=511"), line("region.create g 1p pfn=0x10000000000000"),
        line("region.create g 1025p pfn=0xffffffffffe00"), line("region.create g 1p managed=1"),
        line("region.remove", .missing), line("region.remove 0"), line("evict", .missing), line("evict g region=1"),
        line("evict g pfn=1 count=1"), line("evict region=1 pfn=1 count=1"), line("evict g count=1"),
        line("evict pfn=1", .missing), line("evict count=1", .missing), line("evict pfn=1 count=0"),
        line("evict pfn=0x10000000000000 count=1"), line("evict pfn=0xfffffffffffff count=2"),
        line("evict pfn=1 count=0xffffffffffffffff"), line("evict region=0"),
    ]

    static let mirrors = [
        line("fault 1 0 1p rw"), line("fault 1 0 1p mask=x"), line("fault 1 0 1p pages=rw"),
        line("fault 1 0 2p pages=r"), line("fault 1 0 2p pages=rx"), line("fault 1 0 1p pages=R"),
        line("fault 1 0 1p pages=\"\""), line("fault 1 0 1p pages=hex:"), line("fault 1 0 2p pages=\"r \""),
        line("fault 1 0x7fffffffe000 2p pages={4}\nquit"),
        line("dev.migrate 1 0 1p", .missing), line("dev.migrate 1 0 1p gpu0"), line("dev.migrate 1 0 1 device"),
        line("dev.migrate 1 0x7fffffffe000 2p device"),
        line("exclusive 1 0", .missing), line("exclusive 1 0 1"), line("exclusive 1 0x7fffffffe000 2p"),
        line("exclusive.held 1 0", .missing), line("exclusive.held 1 1 1p"), line("exclusive.held 1 0x7fffffffe000 2p"),
        line("migrate.begin 1 0 1p", .missing), line("migrate.begin 1 0 1p there"),
        line("migrate.begin 1 0 1p device ram"), line("migrate.begin 1 0 1p device system,"),
        line("migrate.begin 1 0x7fffffffe000 2p device"),
        line("migrate.copy", .missing), line("migrate.copy 0"), line("migrate.copy 1 0x10000", .missing),
        line("migrate.copy 1 len=1p", .missing), line("migrate.copy 1 0x10000 1"), line("migrate.copy 1 1 1p"),
        line("migrate.copy 1 0x7fffffffe000 2p"), line("migrate.finish", .missing), line("migrate.finish 0"),
        line("migrate.abort", .missing), line("migrate.abort x"),
        line("to-ram", .missing), line("to-ram x"), line("to-ram 1 0x10000", .missing),
        line("to-ram 1 len=1p", .missing),
        line("to-ram 1 0x7fffffffe000 2p"), line("to-ram 1 0x10001 1p"),
    ]

    static let legacy = [
        line("hmm.mirror-register 1", .missing), line("hmm.mirror-register 1 g lease=0"),
        line("hmm.mirror-register 1 g ack=no"), line("hmm.mirror-register 1 g va=0"), line("hmm.mirror-unregister 0"),
        line("hmm.vma-get-pfns 1 0", .missing), line("hmm.vma-get-pfns 1 0x7fffffffe000 2p"),
        line("hmm.vma-fault 1 0 1p write=w"), line("hmm.vma-fault 1 0x7fffffffe000 2p"), line("hmm.vma-fault 1 0 1"),
        line("hmm.vma-range-done", .missing), line("hmm.vma-range-done 0"),
        line("hmm.devmem-add g", .missing), line("hmm.devmem-add g 1"), line("hmm.devmem-add-resource g 512", .missing),
        line("hmm.devmem-add-resource g 1 2m"), line("hmm.devmem-add-resource g 0x10000000000000 2m"),
        line("hmm.device-new U"), line("hmm.device-new u v"), line("hmm.device-put", .missing),
        line("hmm.migrate-vma 1 0 1p", .missing), line("hmm.migrate-vma 1 0x7fffffffe000 2p g"),
        line("hello licence=mit"), line("hello licence=GPL"), line("check 1"), line("hmm.migrate", .unknownVerb),
    ]

    @Test(arguments: bytes + files) func isNoAccess(_ conversation: Conversation) { Reading.check(conversation) }
    @Test(arguments: memory) func isNoMemoryRequest(_ conversation: Conversation) { Reading.check(conversation) }
    @Test(arguments: devices + mirrors + legacy) func isNoDriverRequest(_ conversation: Conversation) {
        Reading.check(conversation)
    }

    /// Texts are for people, but they have to name what is wrong.
    @Test(arguments: [
        ("write 1 0", "`data` or `pattern`"), ("write 1 0 x pattern=41", "exclude each other"),
        ("write 1 0 pattern=41", "`len` is needed with `pattern`"), ("write 1 0 len=6 pattern=ints", "multiple of 4"),
        ("write 1 0 len=1 pattern=4", "HH+"), ("write 1 0 x each=yes", "`pattern` only"),
        ("read 1 0x10001 1p pages", "multiples of 4096 with `as=pages`"),
        ("file.read f 2 4 ints", "`offset` and `len` must be multiples of 4 "), ("read 1 0 1p each=yes", "`as=pages`"),
        ("file.truncate f 0x8000000000000000", "0x7fffffffffffffff"), ("mmap 1 len=1 fixed=yes", "`va` is needed"),
        ("mmap 1 len=1 kind=device", "`file` is needed with `kind=device`"), ("mmap 1 len=1 file=f", "has no file"),
        ("mmap 1 0x10000 1 kind=hugetlb", "2 MiB"), ("mmap 1 len=1 offset=1p", "with a file only"),
        ("mremap 1 0 1p 0x20000 move=no", "`to` and `move=no`"),
        ("mremap 1 0x10000 1p new-len=2p dontunmap=yes", "`new-len`"), ("evict", "`dev`, `region` or `pfn`"),
        ("evict g region=1", "exclude"), ("evict pfn=1 count=0", "`count`"),
        ("evict pfn=1", "`count` is needed with `pfn`"),
        ("region.create g 1p pfn=1", "512"), ("region.create g 1p pfn=0x10000000000000", "leaves the page frames"),
        ("dev.create g deadline=0", "`deadline`"), ("fault 1 0 2p pages=r", "1 octets, but the range has 2 pages"),
        ("fault 1 0 1p pages=x", "`-`, `r` or `w`"), ("migrate.copy 1 0", "`len` is needed with `va`"),
        ("to-ram 1 len=1p", "`va` is needed with `len`"), ("hmm.mirror-register 1 g lease=0", "`lease`"),
    ])
    func saysWhatIsWrong(_ line: String, _ part: String) {
        let text = Reading.failure(line)?.text
        #expect(text?.contains(part) == true, "\(text ?? "")")
    }
}
