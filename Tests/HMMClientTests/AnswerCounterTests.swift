import Testing

@testable import HMMClient

@Suite struct AnswerCounterTests {
    private let stream =
        "* HMM/1\n+\n= data={7}\n+a\n-b\n}\n\n+ n=7\n!12 inval mirror=1\n-t NOMAP EFAULT : x {3}\n= a=1\n= data={0}\n\n+t\n"

    @Test func everyCutCountsTheSame() {
        let bytes = Array(stream.utf8)
        for size in 1...bytes.count {
            var counter = AnswerCounter()
            var buffer: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                buffer += bytes[start..<min(bytes.count, start + size)]
                let done = buffer.withUnsafeBytes { counter.take($0) }
                buffer.removeFirst(done)
            }
            #expect(buffer.isEmpty)
            #expect(counter.answers == 4, "pieces of \(size)")
            #expect(counter.refusals == 1)
            #expect(counter.events == [12])
            #expect(counter.firstRefusal == "-t NOMAP EFAULT : x {3}")
        }
    }
}

@Suite struct RequestTapeTests {
    @Test func gapsAreFilled() {
        var memory = RequestTape.Memory()
        memory.space = 3
        memory.mirror = 9
        let tape = RequestTape(
            [.init("fault {mirror} {page} 1p"), .init("write mm={mm} va={page} data={4}")], memory: memory, count: 50,
            seed: 1)
        #expect(tape.count == 50)
        let requests = zip(tape.starts, tape.starts.dropFirst()).map {
            String(decoding: tape.octets[$0..<$1], as: UTF8.self)
        }
        #expect(Set(requests) == ["fault 9 0x10000 1p\n", "write mm=3 va=0x10000 data={4}\nxxxx\n"])
    }

    @Test func weightsCountAndSeedsRepeat() throws {
        let mix = try BenchPlan.mix("ping=9,fault", size: 64)
        let tape = RequestTape(mix, memory: .init(), count: 1000, seed: 7)
        let pings = zip(tape.starts, tape.starts.dropFirst()).count { $1 - $0 == 5 }
        #expect((850...950).contains(pings))
        #expect(RequestTape(mix, memory: .init(), count: 1000, seed: 7).octets == tape.octets)
        #expect(throws: ClientError.self) { try BenchPlan.mix("frob", size: 1) }
        #expect(throws: ClientError.self) { try BenchPlan.mix("ping=0", size: 1) }
    }
}
