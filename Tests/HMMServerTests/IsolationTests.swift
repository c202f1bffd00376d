import HMMEngine
import HMMProtocol
import Testing

@testable import HMMServer

/// For a tenant nothing of another exists: an id that only another has is answered as one that nobody has, to the byte.
@Suite struct IsolationTests {
    /// What a stranger asks by the ids of the other tenant, verb by verb: each of its ids and names alone, the other
    /// arguments as its own or as needed.
    private static func lines(_ spec: VerbSpec) -> [String] {
        let named = spec.arguments.filter { isReference($0, spec) }
        return named.map { foreign in
            let values = spec.arguments.compactMap { argument -> String? in
                if argument.name == foreign.name { return "\(argument.name)=\(value(argument, foreign: true))" }
                guard argument.need == .required || needed[spec.name]?.contains(argument.name) == true else {
                    return nil
                }
                return "\(argument.name)=\(value(argument, foreign: false))"
            }
            return ([spec.name] + values).joined(separator: " ")
        } + (spec.name == "ack" ? ["ack 2"] : [])
    }

    /// It names something of the tenant's, rather than making it.
    private static func isReference(_ argument: ArgumentSpec, _ spec: VerbSpec) -> Bool {
        switch argument.kind {
        case .id: true
        case .name:
            !["hello", "help"].contains(spec.name)
                && !(["file.create", "dev.create", "hmm.device-new"].contains(spec.name) && argument.need == .required)
                && !(spec.name == "hmm.device-new")
        case .number: ["op", "range", "event"].contains(argument.name)
        default: false
        }
    }

    /// Optional arguments without which a verb means something else.
    private static let needed = ["write": ["data"], "file.write": ["data"], "dev.write": ["data"]]

    private static func value(_ argument: ArgumentSpec, foreign: Bool) -> String {
        switch argument.kind {
        // The first of each is the stranger's own, where it has one; the second only the other's.
        case .id: foreign ? "2" : "1"
        case .name: foreign ? "secret" : "own"
        case .number where argument.name == "pfn": "0x8000000"
        case .number, .numbers: "2"
        case .address, .page: "0x10000"
        case .length, .pages: "1p"
        case .flag: "yes"
        case .choice(let words), .choices(let words): words[0]
        case .protection: "r"
        case .data: "x"
        case .pattern: "41"
        }
    }

    @Test func anothersIdsDoNotExist() async throws {
        try await TestServer.run { fixture in
            let stranger = try await fixture.client(tenant: 1)
            for line in ["mm.create", "mmap 1 0x10000 8p", "write 1 0x10000 x len=8p", "dev.create own"] {
                #expect(try await stranger.ask(line).hasPrefix("+"), "\(line)")
            }
            let lines = VerbName.allCases.flatMap { Self.lines($0.spec) }
            #expect(lines.count >= 50)
            let before = try await answers(lines, to: stranger)

            let owner = try await fixture.client(tenant: 0)
            let made = [
                "mm.create", "mm.create", "mmap 2 0x10000 64p", "write 2 0x10000 secret len=64p",
                "file.create other 1p",
                "file.create secret 1p", "dev.create other", "dev.create secret", "region.create other 1m",
                "region.create secret 1m", "pin 2 0x10000 1p", "pin 2 0x11000 1p", "hmm.device-new secret",
                "mirror 2 other", "mirror 2 secret", "migrate.begin 1 0x14000 1p device",
                "migrate.begin 2 0x15000 1p device",
                "hmm.mirror-register 2 other", "hmm.vma-get-pfns 3 0x16000 1p", "hmm.vma-get-pfns 3 0x17000 1p",
            ]
            for line in made {
                let rows = try await answer(line, from: owner)
                #expect(rows.last?.hasPrefix("+") ?? false, "\(line): \(rows)")
            }
            let after = try await answers(lines, to: stranger)
            for (line, pair) in zip(lines, zip(before, after)) {
                #expect(pair.0 == pair.1, "\(line)")
                #expect(pair.1.last?.hasPrefix("-") ?? false, "\(line): \(pair.1)")
            }
        }
    }

    private func answers(_ lines: [String], to client: TestClient) async throws -> [[String]] {
        var all: [[String]] = []
        for line in lines { all.append(try await answer(line, from: client)) }
        return all
    }

    /// Every line of an answer, without the client's own events.
    private func answer(_ line: String, from client: TestClient) async throws -> [String] {
        try await client.send(line)
        // `ack` has an answer only when it fails.
        var lines: [String] = []
        while true {
            let line = try await client.line()
            if line.hasPrefix("!") {
                let number = line.dropFirst().prefix { $0 != " " }
                if line.contains(" inval ") { try await client.send("ack \(number)") }
                continue
            }
            lines.append(line)
            if line.hasPrefix("+") || line.hasPrefix("-") { return lines }
        }
    }
}
