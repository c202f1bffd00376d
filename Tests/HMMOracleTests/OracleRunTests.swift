import HMMOracle
import Testing

@Suite struct OracleRunTests {
    private static let setUp = [
        "dev.create oracle-d0 profile=dmirror chunk=256m", "dev.create oracle-d1 profile=dmirror chunk=256m",
        "dev.create oracle-d2 profile=dmirror", "region.create oracle-d2 65536p kind=coherent",
        "dev.create oracle-d3 profile=dmirror", "region.create oracle-d3 65536p kind=coherent",
    ]
    private static let removal = (0..<4).map { "dev.remove oracle-d\($0)" }

    private func play(_ scenario: String, _ answers: [String: String] = [:]) throws -> (
        results: [String], requests: [String]
    ) {
        var peer = FakePeer(answers)
        let results = try peer.play(Scenario(scenario))
        #expect(peer.requests.starts(with: Self.setUp))
        return (results, Array(peer.requests.dropFirst(Self.setUp.count)))
    }

    private func result(_ line: String, _ answers: [String: String] = [:]) throws -> String? {
        try play("proc p0\nopen p0 a 2\n\(line)", answers).results.last
    }

    @Test func everyScenarioHasItsDevices() throws {
        let (results, requests) = try play("")
        #expect(results.isEmpty)
        #expect(requests == Self.removal)
    }

    @Test func processesEndNewestFirst() throws {
        let (results, requests) = try play("proc p0\nfork p0 p1\nfile f 1\nproc p0\nexit p1\nexit p1\ncpu-read p1 0 1")
        #expect(
            results == [
                "1 proc ok", "2 fork ok", "3 file ok", "4 proc ok", "5 exit ok", "6 exit no-process",
                "7 cpu-read no-process",
            ])
        let own = ["mm.create", "mm.fork 1", "file.create oracle-f0 1p", "mm.create", "mm.drop 2"]
        #expect(requests == own + ["mm.drop 3", "mm.drop 1"] + Self.removal + ["file.remove oracle-f0"])
    }

    @Test func whatDependsOnNothingGoesTogether() throws {
        var peer = FakePeer(["read": "= pages=1 byte=00\n+ n=4096 faults=0"])
        _ = try peer.play(Scenario("proc p0\nmunmap p0 0 1\ncpu-read p0 0 1\nopen p0 a 0\nclose p0 a\n\nbad"))
        #expect(peer.batches.map(\.count) == [7, 3, 6])
    }

    @Test func batchesAreBounded() throws {
        var peer = FakePeer()
        let scenario = "proc p0\n" + String(repeating: "munmap p0 0 1\n", count: 200)
        #expect(try peer.play(Scenario(scenario)).count == 201)
        #expect(peer.batches.allSatisfy { $0.count <= 70 })
    }

    @Test func mirrorEndsWithItsLastHolder() throws {
        let scenario = """
            proc p0
            open p0 a 1
            open p0 b 0
            fork p0 p1 keep
            fork p0 p2
            close p0 a
            close p0 a
            exit p0
            snapshot p2 a 0 1
            close p1 a
            exit p1
            """
        let (results, requests) = try play(scenario)
        #expect(
            results == [
                "1 proc ok", "2 open ok", "3 open ok", "4 fork ok", "5 fork ok", "6 close ok", "7 close no-mirror",
                "8 exit ok", "9 snapshot no-mirror", "10 close ok", "11 exit ok",
            ])
        let ends = requests.filter { $0.hasPrefix("mirror.drop") || $0.hasPrefix("mm.drop") }
        #expect(ends == ["mm.drop 1", "mirror.drop 1", "mm.drop 2", "mirror.drop 2", "mm.drop 3"])
    }

    @Test func pinsEndWithTheirProcess() throws {
        let (results, requests) = try play("proc p0\npin p0 0 1 w\npin p0 1 1\nunpin p0\nunpin p0\npin p0 2 1\nexit p0")
        #expect(results.suffix(3) == ["5 unpin ok", "6 pin ok", "7 exit ok"])
        let own = requests.dropFirst().prefix { !$0.hasPrefix("dev.remove") }
        #expect(
            Array(own) == [
                "pin 1 0x10000000 1p access=w mode=longterm", "pin 1 0x10001000 1p access=r mode=longterm", "unpin 1",
                "unpin 2", "pin 1 0x10002000 1p access=r mode=longterm", "unpin 3", "mm.drop 1",
            ])
    }

    @Test func memoryCalls() throws {
        let (_, requests) = try play(
            """
            proc p0
            open p0 a 1
            mmap p0 0 4 rw anon-private
            mmap p0 4 2 r file-shared f 3
            mmap p0 8 1 rw device a
            mremap p0 0 2 512
            mremap p0 0 2 512 3
            madvise p0 1 2 free
            mprotect p0 1 2 none
            gup p0 1 2 get-fast
            truncate f 0
            """)
        let own = requests.dropFirst().prefix { !$0.hasPrefix("mm.drop") }
        #expect(
            Array(own) == [
                "mirror 1 oracle-d1 ack=auto", "mmap 1 0x10000000 4p prot=rw kind=anon-private",
                "mmap 1 0x10004000 2p prot=r kind=file-shared file=oracle-f0 offset=3p",
                "mmap 1 0x10008000 1p prot=rw kind=device file=oracle-d1", "mremap 1 0x10000000 2p to=0x10200000",
                "mremap 1 0x10000000 2p to=0x10200000 new-len=3p", "madvise 1 0x10001000 2p advice=free",
                "mprotect 1 0x10001000 2p prot=none", "pin 1 0x10001000 2p access=w mode=get-fast", "unpin 1",
                "file.truncate oracle-f0 0p",
            ])
    }

    @Test func nothingIsDoneWithoutAsking() throws {
        #expect(try result("mprotect p0 0 0 r", ["mprotect": "- BADARG EINVAL"]) == "3 mprotect ok")
        #expect(try result("madvise p0 0 0 free", ["madvise": "- BADARG EINVAL"]) == "3 madvise ok")
        #expect(try result("munmap p0 0 0", ["munmap": "- BADARG EINVAL"]) == "3 munmap err EINVAL")
    }

    @Test func cpuAccess() throws {
        let read = "read 1 0x10004000 5p as=pages each=yes"
        #expect(
            try result("cpu-read p0 4 5", [read: "= pages=4 byte=10\n= pages=1 mixed=yes\n+ n=20480 faults=0"])
                == "3 cpu-read ok data=10*4,mixed")
        #expect(
            try result("cpu-read p0 4 5", [read: "= pages=4 byte=10\n= pages=1 fault=BUS\n+ n=16384 faults=1"])
                == "3 cpu-read fault data=10*4,BUS")
        let write = "write 1 0x10004000 pattern=f0+ len=2p each=yes"
        #expect(
            try result("cpu-write p0 4 2 f0+", [write: "= pages=2 done=yes\n+ n=8192 faults=0"])
                == "3 cpu-write ok pages=w*2")
        #expect(
            try result("cpu-write p0 4 2 f0+", [write: "= pages=1 done=yes\n= pages=1 fault=SEGV\n+ n=4096 faults=1"])
                == "3 cpu-write fault pages=w,SEGV")
    }

    @Test func fileRead() throws {
        let request = "file.read oracle-f0 1p 4p as=pages"
        #expect(
            try result("file-read f 1 4", [request: "= pages=1 byte=11\n+ n=4096"])
                == "3 file-read ok data=11,EOF*3")
        #expect(try result("file-read f 1 4", [request: "+ n=0"]) == "3 file-read ok data=EOF*4")
        #expect(try result("file-read f 1 4", [request: "- NOFILE ENOENT"]) == "3 file-read err ENOENT")
    }

    @Test func deviceAccess() throws {
        let read = "dev.read 1 0x10000000 2p as=pages"
        #expect(
            try result("dev-read p0 a 0 2", [read: "= pages=2 byte=77\n+ n=8192 faults=1"])
                == "3 dev-read ok cpages=2 faults=1 data=77*2")
        #expect(try result("dev-read p0 a 0 2", [read: "- NOMAP EFAULT"]) == "3 dev-read err EFAULT")
        #expect(
            try result(
                "dev-write p0 a 0 2 5a", ["dev.write 1 0x10000000 pattern=5a len=2p": "+ n=8192 faults=0"])
                == "3 dev-write ok cpages=2 faults=0")
        let snapshot = "= pages=1 kind=coherent perm=rw dev=oracle-d2\n= pages=2 kind=error\n+ pages=3 seq=1"
        #expect(
            try result("snapshot p0 a 0 3", ["snapshot 1 0x10000000 3p": snapshot])
                == "3 snapshot ok cpages=3 faults=0 map=42:COHERENT_LOCAL|WRITE,ff:ERROR*2")
        #expect(try result("to-sys p0 a 0 3", ["dev.migrate": "+ moved=2 stayed=1"]) == "3 to-sys ok cpages=2 faults=0")
        #expect(try result("check-exclusive p0 a 0 3", ["exclusive.held": "+ held=1"]) == "3 check-exclusive err EPERM")
        #expect(
            try result("check-exclusive p0 a 0 3", ["exclusive.held": "+ held=0"])
                == "3 check-exclusive ok cpages=0 faults=0")
    }

    @Test func whatWasPlacedIsReadBack() throws {
        let data = ["dev.read 1 0x10000000 2p as=pages": "= pages=2 byte=10\n+ n=8192 faults=0"]
        #expect(try result("to-dev p0 a 0 2", data) == "3 to-dev ok cpages=2 faults=0 data=10*2")
        #expect(try result("exclusive p0 a 0 2", data) == "3 exclusive ok cpages=2 faults=0 data=10*2")
        let (results, requests) = try play(
            "proc p0\nopen p0 a 2\nto-dev p0 a 0 2", ["dev.migrate": "- STAYED ENOENT"])
        #expect(results.last == "3 to-dev err ENOENT")
        #expect(!requests.contains { $0.hasPrefix("dev.read") })
    }

    @Test func releaseTakesTheDevicesRegions() throws {
        let regions = "= dev=oracle-d0 region=4\n= dev=oracle-d1\n= dev=oracle-d2 region=7\n= dev=oracle-d0 region=9\n+"
        let (results, requests) = try play(
            "proc p0\nopen p0 a 0\nopen p0 b 1\nopen p0 c 2\nrelease p0 a\nrelease p0 b\nrelease p0 c",
            ["dev.list": regions])
        #expect(results.suffix(3) == ["5 release ok", "6 release ok", "7 release ok"])
        #expect(
            requests.filter { $0.hasPrefix("region") } == [
                "region.remove 4", "region.remove 9", "region.remove 7",
                "region.create oracle-d2 65536p kind=coherent",
            ])
    }

    @Test func refusalsAreResults() throws {
        #expect(try result("open p0 b 4", ["mirror 1 oracle-d4 ack=auto": "- NODEV ENOENT"]) == "3 open err ENOENT")
        #expect(try result("snapshot p0 b 0 1") == "3 snapshot no-mirror")
        #expect(try result("mmap p0 0 1 rw device b") == "3 mmap no-mirror")
        #expect(try result("mmap p0 0 1 rw nonsense") == "3 mmap bad-operands")
        #expect(try result("nonsense") == "3 nonsense bad-operands")
    }

    @Test func serversThatAreNoMatch() throws {
        #expect(throws: OracleFailure(request: "dev.create oracle-d2 profile=dmirror", reason: "BADARG EINVAL")) {
            try play("", ["dev.create oracle-d2 profile=dmirror": "- BADARG EINVAL : no"])
        }
        #expect(throws: OracleFailure.self) { try play("proc p0", ["mm.create": "+"]) }
        #expect(throws: OracleFailure.self) { try result("dev-read p0 a 0 2", ["dev.read": "= pages=1 byte=00\n+"]) }
        #expect(throws: OracleFailure.self) { try result("cpu-read p0 0 1", ["read": "= data=\"x\"\n+ n=1"]) }
        var run = OracleRun(Scenario("proc p0"))
        #expect(run.next()?.count == 7)
        #expect(throws: OracleFailure.self) { try run.take([]) }
    }
}
