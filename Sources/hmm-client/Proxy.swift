import ArgumentParser
import Foundation
import HMMClient
import HMMFaultProxy

/// `hmm-client proxy`: a bad network between clients and a server.
struct Proxy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Pass connections on to a server, over a network as bad as you ask for.",
        discussion: """
            With a command after --, runs it with HMMD_URI and HMMD_PORT leading through the proxy, and ends with its \
            exit status; else prints where it listens and goes on until it is stopped.

            A fault holds for both directions, or with `client:` or `server:` before its value for what that side \
            sends. Each may be given twice. TLS goes through as it is: bytes are counted as they are on the wire.

              hmmd --run 'hmm-client proxy --segment 1 --latency 20ms -- make check'
              hmm-client proxy --listen 127.0.0.1:7500 --to gpu.example:7423 --stall server:4000
            """)

    @Option(help: ArgumentHelp("Where to listen.", valueName: "host:port"))
    var listen = "127.0.0.1:0"

    @Option(help: ArgumentHelp("The server. [$HMMD_URI]", valueName: "host:port"))
    var to: String?

    @Option(help: ArgumentHelp("Bytes arrive so much later: 50ms, 2s.", valueName: "time"))
    var latency: [String] = []

    @Option(help: ArgumentHelp("Bytes are sent in pieces of at most so many.", valueName: "bytes"))
    var segment: [String] = []

    @Option(help: ArgumentHelp("At most so many bytes a second.", valueName: "bytes"))
    var rate: [String] = []

    @Option(help: ArgumentHelp("After so many bytes both sides see a reset.", valueName: "bytes"))
    var cutAfter: [String] = []

    @Option(
        help: ArgumentHelp("After so many bytes no more are taken, and the sender's buffers fill.", valueName: "bytes"))
    var stallAfter: [String] = []

    @Option(
        help: ArgumentHelp(
            "After so many bytes all that is sent is swallowed, and no side learns that the other closes.",
            valueName: "bytes"))
    var halfOpenAfter: [String] = []

    @Argument(parsing: .postTerminator, help: "A command and its arguments, after --.")
    var command: [String] = []

    func validate() throws { _ = try directions() }

    func run() async throws {
        let own: Endpoint
        let server: (host: String, port: Int)
        do throws(ClientError) {
            own = try listen.hasSuffix(":0") ? .tls(host: String(listen.dropLast(2)), port: 0) : Endpoint(listen)
            server = try Self.address(to ?? ProcessInfo.processInfo.environment["HMMD_URI"] ?? "localhost")
        } catch {
            throw Exit.report(error)
        }
        guard case .tls(let host, let port) = own else { throw ValidationError("--listen is host:port") }
        let proxy: FaultProxy
        do {
            proxy = try await FaultProxy.listen(
                host: host, port: port, to: server.host, server.port, try directions())
        } catch {
            throw Exit.report(.cannotConnect("\(listen): \(error)"))
        }
        guard command.isEmpty else { throw ExitCode(try await Self.run(command, through: proxy)) }
        Terminal.write("\(proxy.host):\(proxy.port)\n")
        while true { try await Task.sleep(for: .seconds(3600)) }
    }

    private static func address(_ text: String) throws(ClientError) -> (host: String, port: Int) {
        switch try Endpoint(text) {
        case .tls(let host, let port), .plain(let host, let port): return (host, port)
        case .unix: throw .options("\(text): a network leads to host:port")
        }
    }

    private static func run(_ command: [String], through proxy: FaultProxy) async throws -> Int32 {
        var variables = ProcessInfo.processInfo.environment
        variables["HMMD_URI"] = "hmms://localhost:\(proxy.port)"
        variables["HMMD_HOST"] = "localhost"
        variables["HMMD_PORT"] = "\(proxy.port)"
        let child = Process()
        child.executableURL = URL(filePath: "/usr/bin/env")
        child.arguments = command
        child.environment = variables
        return try await withCheckedThrowingContinuation { waiter in
            child.terminationHandler = { child in
                let wasKilled = child.terminationReason == .uncaughtSignal
                waiter.resume(returning: wasKilled ? 128 + child.terminationStatus : child.terminationStatus)
            }
            do {
                try child.run()
            } catch {
                waiter.resume(throwing: error)
            }
        }
    }

    // MARK: Faults

    private func directions() throws -> Directions {
        var result = Directions()
        try apply(latency, "latency", &result) { $0.latencyMilliseconds = try Self.milliseconds($1) }
        try apply(segment, "segment", &result) { $0.segmentBytes = try Self.bytes($1, atLeast: 1) }
        try apply(rate, "rate", &result) { $0.bytesPerSecond = try Self.bytes($1, atLeast: 1) }
        for (kind, values) in [
            (Faults.Kind.cut, cutAfter), (.stall, stallAfter), (.halfOpen, halfOpenAfter),
        ] {
            try apply(values, "\(kind.rawValue)-after", &result) { faults, text in
                guard faults.ending == nil else { throw ValidationError("a direction ends in one way only") }
                faults.ending = Faults.Ending(kind, afterBytes: try Self.bytes(text, atLeast: 0))
            }
        }
        return result
    }

    private func apply(
        _ values: [String], _ option: String, _ result: inout Directions, _ set: (inout Faults, String) throws -> Void
    ) throws {
        for value in values {
            let side = value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            switch side.count == 2 ? side[0] : "" {
            case "client": try set(&result.client, side[1])
            case "server": try set(&result.server, side[1])
            case "" where side.count == 1:
                try set(&result.client, value)
                try set(&result.server, value)
            default: throw ValidationError("--\(option) \(value): before the colon stands client or server")
            }
        }
    }

    private static func bytes(_ text: String, atLeast least: Int) throws -> Int {
        let units: [Character: Int] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
        let unit = text.last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? text : String(text.dropLast())), number >= least, number < 1 << 31 else {
            throw ValidationError("\(text): a number of bytes is 1000, 64k or 2m")
        }
        return number * (unit ?? 1)
    }

    private static func milliseconds(_ text: String) throws -> Int64 {
        if text.hasSuffix("ms"), let value = Int64(text.dropLast(2)), (0..<3_600_000).contains(value) { return value }
        if text.hasSuffix("s"), let value = Int64(text.dropLast()), (0..<3600).contains(value) { return value * 1000 }
        throw ValidationError("\(text): a time is 50ms or 2s, below an hour")
    }
}
