/// A scenario being carried out, without I/O: it says what to ask next, and makes results of the answers.
///
/// ```
/// var run = OracleRun(scenario)
/// while let requests = run.next() { try run.take(/* the answers to them */) }
/// ```
///
/// Requests of one batch depend on none of its answers, so they may be sent together. `OraclePeer.play` is that loop
/// for a peer that needs no waiting. Each run makes its devices at the beginning and leaves nothing behind.
public struct OracleRun {
    /// Most requests that are handed out at one time: a server reads on while it answers them.
    private static let batch = 64

    private let scenario: Scenario
    /// Steps begun.
    private var position = 0
    private var phase = Phase.beginning
    /// What is asked but not answered.
    private var asked: [Exchange] = []
    /// What the last answer has made necessary.
    private var sequel: Exchange?
    var population = Population()
    /// Files of the scenario; their index is part of the name they have at the server.
    var files: [String] = []
    /// A line for each operation carried out: line number, operation, outcome.
    public private(set) var results: [String] = []

    private enum Phase { case beginning, steps, over }

    public init(_ scenario: Scenario) { self.scenario = scenario }

    /// The requests to make next; nil when all is done.
    public mutating func next() -> [String]? {
        if let sequel {
            asked = [sequel]
            self.sequel = nil
            return sequel.requests
        }
        guard phase != .over else { return nil }
        var exchanges = phase == .beginning ? [Self.beginning] : []
        phase = .steps
        var count = 0
        while position < scenario.steps.count, count < Self.batch, exchanges.last?.meaning.isAwaited != true {
            let step = scenario.steps[position]
            position += 1
            let (requests, meaning) = begin(step.operation)
            exchanges.append(Exchange(step: step, requests: requests, meaning: meaning))
            count += requests.count
        }
        if position == scenario.steps.count, exchanges.last?.meaning.isAwaited != true {
            phase = .over
            exchanges += ending()
        }
        asked = exchanges
        return exchanges.flatMap(\.requests)
    }

    /// Takes the answers to the last requests, in order.
    ///
    /// - Throws: when a scenario cannot be carried out like this.
    public mutating func take(_ answers: [OracleAnswer]) throws(OracleFailure) {
        let exchanges = asked
        asked = []
        var rest = answers[...]
        for exchange in exchanges {
            let own = rest.prefix(exchange.requests.count)
            rest = rest.dropFirst(own.count)
            do throws(OracleFailure) {
                try take(Array(own), of: exchange)
            } catch {
                throw OracleFailure(line: exchange.step?.line, request: error.request, reason: error.reason)
            }
        }
    }

    private mutating func take(_ answers: [OracleAnswer], of exchange: Exchange) throws(OracleFailure) {
        guard answers.count == exchange.requests.count else {
            throw OracleFailure(request: exchange.requests[answers.count], reason: "no answer")
        }
        switch try settle(exchange, answers) {
        case .outcome(let outcome):
            guard let step = exchange.step else { return }
            results.append("\(step.line) \(step.name) \(outcome)")
        case .more(let requests, let meaning):
            sequel = Exchange(step: exchange.step, requests: requests, meaning: meaning)
        }
    }

    // MARK: Devices

    /// What the server calls a device.
    static func deviceName(_ index: UInt64) -> String { "oracle-d\(index)" }

    static let devices: Range<UInt64> = 0..<4

    /// The first two are private and grow, the others are coherent and have what they have.
    static func isCoherent(_ device: UInt64) -> Bool { device >= 2 }

    static func memoryRequest(_ device: UInt64) -> String {
        "region.create \(deviceName(device)) 65536p kind=coherent"
    }

    private static var beginning: Exchange {
        let requests = devices.flatMap { device in
            isCoherent(device)
                ? ["dev.create \(deviceName(device)) profile=dmirror", memoryRequest(device)]
                : ["dev.create \(deviceName(device)) profile=dmirror chunk=256m"]
        }
        return Exchange(requests: requests, meaning: .needed)
    }

    /// The processes exit, the newest first, and what is not theirs goes with the scenario.
    private mutating func ending() -> [Exchange] {
        let exits = population.living.reversed().flatMap { endProcess($0) }
        let removals = Self.devices.map { "dev.remove \(Self.deviceName($0))" }
        return [
            Exchange(requests: exits + removals, meaning: .needed),
            Exchange(requests: files.indices.map { "file.remove \(Self.fileName($0))" }, meaning: .ignored),
        ]
    }

    static func fileName(_ index: Int) -> String { "oracle-f\(index)" }
}
