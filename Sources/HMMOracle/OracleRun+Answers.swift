internal import HMMProtocol

extension OracleRun {
    /// What answers lead to.
    enum Conclusion {
        case outcome(String)
        case more([String], Exchange.Meaning)
    }

    /// A successful answer, and what it answers.
    private struct Reply {
        let request: String
        let rows: [[ServerLine.Pair]]
        let pairs: [ServerLine.Pair]

        func number(_ key: String) throws(OracleFailure) -> UInt64 {
            guard let number = pairs[key]?.number else {
                throw OracleFailure(request: request, reason: "the answer has no number \(key)=")
            }
            return number
        }

        /// A token for each page of the rows.
        ///
        /// - Parameter pages: how many there must be; nil if the answer may have fewer.
        func list(
            pages: UInt64? = nil, _ token: ([ServerLine.Pair]) -> String?
        ) throws(OracleFailure) -> TokenList {
            var list = TokenList()
            for row in rows {
                guard let token = token(row), let count = row["pages"]?.number else {
                    throw OracleFailure(request: request, reason: "a row of the answer does not say enough")
                }
                list.append(token, count: count)
            }
            if let pages, list.count != pages {
                throw OracleFailure(request: request, reason: "rows for \(list.count) pages, not \(pages)")
            }
            return list
        }
    }

    mutating func settle(_ exchange: Exchange, _ answers: [OracleAnswer]) throws(OracleFailure) -> Conclusion {
        if case .known(let outcome) = exchange.meaning { return .outcome(outcome) }
        if exchange.meaning == .ignored { return .outcome("ok") }
        var last = Reply(request: "", rows: [], pairs: [])
        for (request, answer) in zip(exchange.requests, answers) {
            switch answer {
            case .done(let rows, let pairs): last = Reply(request: request, rows: rows, pairs: pairs)
            case .refused(let code, let errno):
                guard exchange.meaning != .needed else {
                    throw OracleFailure(request: request, reason: "\(code) \(errno)")
                }
                // The kernel's gup_test takes the pages it gets, and is content.
                return .outcome(exchange.meaning == .referencing ? "ok" : "err \(errno)")
            }
        }
        if let conclusion = try conclude(exchange.meaning, last) { return conclusion }
        return .outcome(try Self.outcome(exchange.meaning, last))
    }

    // MARK: Answers that the run needs

    /// Notes what later requests depend on; nil when that is nothing.
    private mutating func conclude(
        _ meaning: Exchange.Meaning, _ reply: Reply
    ) throws(OracleFailure) -> Conclusion? {
        switch meaning {
        case .newProcess(let name):
            population.add(Population.Process(name: name, space: try reply.number("mm")))
        case .newChild(let name, let parent, let keepsMirrors):
            let mirrors = keepsMirrors ? population[parent]?.mirrors ?? [] : []
            population.add(Population.Process(name: name, space: try reply.number("mm"), mirrors: mirrors))
        case .newMirror(let name, let process, let device):
            let mirror = try reply.number("mirror")
            let held = Population.HeldMirror(name: name, mirror: mirror, device: device)
            population.update(process) { $0.mirrors.append(held) }
        case .pinning(let process):
            let pin = try reply.number("pin")
            population.update(process) { $0.pins.append(pin) }
        case .referencing: return .more(["unpin \(try reply.number("pin"))"], .success)
        case .placing(let mirror, let pages):
            return .more(["dev.read \(mirror) \(pages.arguments) as=pages"], .readingBack(pages: pages.count))
        case .regions(let device): return Self.removal(of: reply.rows, device)
        default: return nil
        }
        return .outcome("ok")
    }

    /// Takes a device's memory away. Coherent memory has its place, and is there again when it is next needed.
    private static func removal(of rows: [[ServerLine.Pair]], _ device: UInt64) -> Conclusion {
        let regions = rows.filter { $0["dev"]?.text == deviceName(device) }.compactMap { $0["region"]?.number }
        guard !regions.isEmpty else { return .outcome("ok") }
        let again = isCoherent(device) ? [memoryRequest(device)] : []
        return .more(regions.map { "region.remove \($0)" } + again, .success)
    }

    // MARK: Answers that are results

    private static func outcome(_ meaning: Exchange.Meaning, _ reply: Reply) throws(OracleFailure) -> String {
        switch meaning {
        case .reading: return try access("data", reply.list(Token.data))
        case .writing: return try access("pages", reply.list(Token.written))
        case .fileReading(let pages):
            var list = try reply.list(Token.data)
            guard list.count <= pages else {
                throw OracleFailure(request: reply.request, reason: "rows for more pages than were asked for")
            }
            list.append("EOF", count: pages - list.count)
            return "ok data=\(list)"
        case .deviceReading(let pages):
            let list = try reply.list(pages: pages, Token.data)
            return "ok cpages=\(pages) faults=\(try reply.number("faults")) data=\(list)"
        case .deviceWriting(let pages): return "ok cpages=\(pages) faults=\(try reply.number("faults"))"
        case .readingBack(let pages):
            return "ok cpages=\(pages) faults=0 data=\(try reply.list(pages: pages, Token.data))"
        case .movingBack: return "ok cpages=\(try reply.number("moved")) faults=0"
        case .snapshot(let device, let pages):
            let list = try reply.list(pages: pages) { Token.map($0, device: deviceName(device)) }
            return "ok cpages=\(pages) faults=0 map=\(list)"
        case .exclusiveCount: return try reply.number("held") > 0 ? "err EPERM" : "ok cpages=0 faults=0"
        default: return "ok"
        }
    }

    /// The outcome of the CPU's access to each page.
    private static func access(_ key: String, _ list: TokenList) -> String {
        let faulted = list.contains("SEGV") || list.contains("BUS")
        return "\(faulted ? "fault" : "ok") \(key)=\(list)"
    }
}
