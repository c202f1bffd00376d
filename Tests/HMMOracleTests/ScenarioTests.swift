import HMMOracle
import Testing

@Suite struct ScenarioTests {
    private func operation(_ line: String) -> Operation? { Scenario(line).steps.first?.operation }

    @Test func everyLineCounts() {
        let scenario = Scenario("# a comment\n\nproc p0 # and one here\n \t \nexit p0\r\n")
        #expect(
            scenario.steps == [
                Scenario.Step(line: 3, name: "proc", operation: .makeProcess("p0")),
                Scenario.Step(line: 5, name: "exit", operation: .exit("p0")),
            ])
        #expect(Scenario("").steps.isEmpty)
    }

    @Test func processes() {
        #expect(operation("fork p0 p1") == .fork("p0", child: "p1", keepsMirrors: false))
        #expect(operation("fork p0 p1 keep") == .fork("p0", child: "p1", keepsMirrors: true))
        #expect(operation("open p0 a 3") == .process("p0", .open(mirror: "a", device: 3)))
        #expect(operation("unpin p0") == .process("p0", .unpin))
    }

    @Test func memory() {
        let pages = PageRange(8, 2)
        #expect(
            operation("mmap p0 8 2 rw anon-shared")
                == .process("p0", .map(pages, protection: "rw", .memory(kind: "anon-shared"))))
        #expect(
            operation("mmap p0 8 2 none file-private f 1")
                == .process("p0", .map(pages, protection: "none", .file(kind: "file-private", name: "f", offset: 1))))
        #expect(
            operation("mmap p0 8 2 r device a") == .process("p0", .map(pages, protection: "r", .device(mirror: "a"))))
        #expect(operation("munmap p0 8 2") == .process("p0", .unmap(pages)))
        #expect(operation("mprotect p0 8 2 x") == .process("p0", .protect(pages, "x")))
        #expect(operation("mremap p0 8 2 16") == .process("p0", .remap(pages, to: 16, count: nil)))
        #expect(operation("mremap p0 8 2 16 4") == .process("p0", .remap(pages, to: 16, count: 4)))
        #expect(operation("madvise p0 8 2 populate-read") == .process("p0", .advise(pages, "populate-read")))
        #expect(operation("cpu-write p0 8 2 F0+") == .process("p0", .write(pages, pattern: "F0+")))
        #expect(operation("cpu-read p0 8 2") == .process("p0", .read(pages)))
        #expect(operation("gup p0 8 2 pin-fast-longterm") == .process("p0", .reference(pages, mode: "longterm-fast")))
        #expect(operation("pin p0 8 2") == .process("p0", .pin(pages, writes: false)))
        #expect(operation("pin p0 8 2 w") == .process("p0", .pin(pages, writes: true)))
    }

    @Test func filesAndDevices() {
        let pages = PageRange(0, 4)
        #expect(operation("file f 4") == .file(.create("f", pages: 4, pattern: nil)))
        #expect(operation("file f 4 10+") == .file(.create("f", pages: 4, pattern: "10+")))
        #expect(operation("truncate f 1") == .file(.truncate("f", pages: 1)))
        #expect(operation("file-read f 0 4") == .file(.read("f", pages)))
        #expect(operation("close p0 a") == .mirror("p0", name: "a", .close))
        #expect(operation("release p0 a") == .mirror("p0", name: "a", .release))
        #expect(operation("dev-read p0 a 0 4") == .mirror("p0", name: "a", .read(pages)))
        #expect(operation("dev-write p0 a 0 4 00") == .mirror("p0", name: "a", .write(pages, pattern: "00")))
        #expect(operation("to-dev p0 a 0 4") == .mirror("p0", name: "a", .migrateToDevice(pages)))
        #expect(operation("to-sys p0 a 0 4") == .mirror("p0", name: "a", .migrateToSystem(pages)))
        #expect(operation("snapshot p0 a 0 4") == .mirror("p0", name: "a", .snapshot(pages)))
        #expect(operation("exclusive p0 a 0 4") == .mirror("p0", name: "a", .exclusive(pages)))
        #expect(operation("check-exclusive p0 a 0 4") == .mirror("p0", name: "a", .checkExclusive(pages)))
    }

    @Test(arguments: [
        "proc", "proc p0 p1", "fork p0 p1 kept", "exit", "open p0 a", "open p0 a one", "frobnicate p0",
        "frobnicate p0 a", "mmap p0 0 4 rw", "mmap p0 0 4 rw anon", "mmap p0 0 4 rq anon-private", "cpu-read p0 0",
        "mmap p0 0 4 rw file-private f", "mmap p0 0 4 rw anon-private f", "cpu-read p0 -1 4", "cpu-read p0 0 4 5",
        "cpu-write p0 0 4 1", "cpu-write p0 0 4 1g", "cpu-write p0 0 4 10-", "cpu-write p0 0 4 é", "madvise p0 0 4 hm",
        "gup p0 0 4 take", "pin p0 0 4 r", "cpu-read p0 99999999999999999999 1", "cpu-read p0 1125899906842625 1",
        "dev-write p0 a 0 4", "truncate f", "file f 4 xx", "mmap p0 0 4 rw anon-private\u{0}",
    ])
    func malformed(_ line: String) { #expect(operation(line) == .malformed) }
}
