/// A server that answers without waiting: the pure engine, or a fake in a test.
public protocol OraclePeer {
    /// Sends requests, without tags, one after the other; returns the answer to each, in order.
    mutating func ask(_ requests: [String]) throws -> [OracleAnswer]
}

extension OraclePeer {
    /// Carries out a scenario and returns its results, a line for each operation.
    ///
    /// - Throws: `OracleFailure`, and errors of the peer.
    public mutating func play(_ scenario: Scenario) throws -> [String] {
        var run = OracleRun(scenario)
        while let requests = run.next() { try run.take(ask(requests)) }
        return run.results
    }
}
