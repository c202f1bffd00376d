public import HMMOracle
internal import HMMProtocol
internal import HMMTLS

/// Carries out scenarios of the oracle on a server.
public struct OraclePlayer: Sendable {
    private let options: ConnectionOptions
    private let context: TLSContext?
    /// How long an answer may take.
    public var patienceMilliseconds: Int64 = 60_000

    /// - Throws: `options`, naming a file that cannot be used.
    public init(_ options: ConnectionOptions) throws(ClientError) {
        self.options = options
        context = try options.makeContext()
    }

    /// Why a scenario has no results, or not all.
    public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// There is no server, or the connection to it is lost.
        case client(ClientError)
        /// The server is no match for scenarios.
        case oracle(OracleFailure)

        public var description: String {
            switch self {
            case .client(let error): error.description
            case .oracle(let failure): failure.description
            }
        }
    }

    /// Carries out a scenario on a connection of its own and returns its results, a line for each operation.
    public func play(_ scenario: Scenario) async throws(Failure) -> [String] {
        let lines: LineConnection
        do throws(ClientError) {
            lines = try await LineConnection.connect(options, context: context)
        } catch {
            throw .client(error)
        }
        let result: Result<[String], Failure>
        do throws(Failure) {
            result = .success(try await play(scenario, on: lines))
        } catch {
            result = .failure(error)
        }
        await Self.leave(lines)
        return try result.get()
    }

    private func play(_ scenario: Scenario, on lines: LineConnection) async throws(Failure) -> [String] {
        var run = OracleRun(scenario)
        while let requests = run.next() {
            let answers: [OracleAnswer]
            do throws(ClientError) {
                answers = try await ask(requests, on: lines)
            } catch {
                throw .client(error)
            }
            do throws(OracleFailure) {
                try run.take(answers)
            } catch {
                throw .oracle(error)
            }
        }
        return run.results
    }

    /// Untagged requests are carried out one after the other, and answered in that order.
    private func ask(_ requests: [String], on lines: LineConnection) async throws(ClientError) -> [OracleAnswer] {
        try await lines.send(Array(requests.map { $0 + "\n" }.joined().utf8))
        var collected = OracleAnswers()
        var answers: [OracleAnswer] = []
        var bye: ClientError?
        while answers.count < requests.count {
            switch try await lines.receive(within: patienceMilliseconds) {
            case .lines(let items):
                for item in items {
                    if case .bye(let code, let text) = item.line { bye = .closed(code: code, text: text) }
                    if let answer = collected.take(item.line) { answers.append(answer) }
                }
            case .ended: throw bye ?? .connectionLost("the server has closed")
            case .nothing:
                throw .connectionLost("no answer within \(patienceMilliseconds / 1000) s: \(requests[answers.count])")
            }
        }
        return answers
    }

    /// Ends the connection and waits for it, so that the next scenario finds a server without this one's tenant.
    private static func leave(_ lines: LineConnection) async {
        try? await lines.send(line: "quit")
        while case .lines = try? await lines.receive(within: 2000) {}
        await lines.close()
    }
}
