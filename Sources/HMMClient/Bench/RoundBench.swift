internal import HMMProtocol
internal import HMMTLS

/// Times an invalidation round: one connection unmaps a page, many mirrors on as many connections let go of it.
package enum RoundBench {
    package struct Result: Encodable, Sendable {
        package var mirrors: Int
        package var rounds: Int
        /// From sending `munmap` to having its answer: the work of the client's acks is part of it.
        package var medianNanoseconds: UInt64
        package var minNanoseconds: UInt64
        package var maxNanoseconds: UInt64
    }

    /// Measures each number of mirrors in turn. Blocks the calling thread.
    package static func run(
        _ options: ConnectionOptions, mirrors: [Int], rounds: Int
    ) throws(ClientError) -> [Result] {
        guard rounds > 0, mirrors.allSatisfy({ (1...100_000).contains($0) }) else {
            throw .options("rounds are at least 1, mirrors 1 to 100000")
        }
        BenchStage.allowManyFiles()
        let context = try options.makeContext()
        let process = try BenchSocket(options, context: context)
        let space = try process.request("mm.create")["mm"]?.number ?? 0
        try BenchStage.makeDevice(process)
        var circle = try MirrorCircle()
        var results: [Result] = []
        for count in mirrors.sorted() {
            while circle.count < count { try circle.add(BenchSocket(options, context: context), space: space) }
            results.append(try measure(process, space, circle, rounds))
        }
        circle.leave()
        try process.request("mm.drop \(space)")
        try process.request("quit")
        return results
    }

    private static func measure(
        _ process: BenchSocket, _ space: UInt64, _ circle: MirrorCircle, _ rounds: Int
    ) throws(ClientError) -> Result {
        var times: [UInt64] = []
        // Two rounds more than counted, to warm up.
        for round in 0..<rounds + 2 {
            try process.request("mmap \(space) 0x10000 1p")
            let start = BenchThread.now()
            try process.send("munmap \(space) 0x10000 1p")
            try circle.acknowledgeAll()
            try process.awaitAnswer()
            if round >= 2 { times.append(BenchThread.now() - start) }
        }
        times.sort()
        return Result(
            mirrors: circle.count, rounds: rounds, medianNanoseconds: times[times.count / 2],
            minNanoseconds: times[0], maxNanoseconds: times[times.count - 1])
    }
}

/// Connections with one mirror each, all of the same range.
private struct MirrorCircle {
    private var mirrors: [AnswerStream] = []
    private let poller: Poller

    var count: Int { mirrors.count }

    init() throws(ClientError) { poller = try Poller() }

    mutating func add(_ socket: BenchSocket, space: UInt64) throws(ClientError) {
        try socket.request("mirror mm=\(space) dev=bench va=0x10000 len=1p lease=60000")
        socket.startBench()
        poller.watch(socket.descriptor, as: mirrors.count)
        mirrors.append(AnswerStream(socket))
    }

    /// Waits for an event on every connection and acknowledges it at once.
    func acknowledgeAll() throws(ClientError) {
        var missing = mirrors.count
        while missing > 0 {
            let ready = try poller.wait(nanoseconds: 10_000_000_000) { index throws(ClientError) in
                missing -= try mirrors[index].receive()
            }
            guard ready > 0 else { throw .connectionLost("\(missing) of \(count) mirrors heard nothing for 10 s") }
        }
    }

    mutating func leave() {
        for mirror in mirrors {
            mirror.socket.stopBench()
            try? mirror.socket.send("quit")
        }
        mirrors = []
    }
}
