import HMMEngine
import HMMHarness
import HMMProtocol
import Testing

/// Every number, address and length of every verb at the ends of what it can be, two at a time, in a tenant that has
/// one thing of each kind: whatever is refused is refused with a word.
@Suite struct ExtremeNumbersTests {
    private static let extremes = [
        "0", "1", "4095", "4096", "0x10000", "0x7ffffffff000", "0x7fffffffe000", "0x800000000000", "4294967295", "1p",
        "9223372036854775807", "9223372036854775808", "18446744073709547520", "18446744073709551615",
    ]

    /// One of each thing, so that the numbers are what is wrong. The migration is where nobody else waits for it.
    private static let things = [
        "mm.create", "mmap 1 0x10000 16p", "write 1 0x10000 x len=16p", "dev.create gpu0", "region.create gpu0 64p",
        "mirror 1 gpu0 ack=auto", "file.create f 8p", "pin 1 0x10000 1p", "hmm.mirror-register 1 gpu0", "mm.create",
        "mmap 2 0x10000 2p", "mirror 2 gpu0 ack=auto", "migrate.begin 3 0x10000 2p device",
    ]

    @Test(arguments: VerbName.allCases.filter { $0 != .quit && $0 != .config })
    func numbersAtTheirEnds(_ verb: VerbName) throws {
        let numbers = verb.spec.arguments.filter { Self.isNumber($0.kind) }
        for (index, first) in numbers.enumerated() {
            for second in numbers[index...] {
                let values = Self.extremes.flatMap { value in
                    (first.name == second.name ? [value] : Self.extremes).map { other in
                        [first.name: value].merging([second.name: other]) { $1 }
                    }
                }
                for isFull in [false, true] {
                    let lines = values.map { Self.line(verb.spec, $0, isFull: isFull) }
                    try play(lines[...], isAnswered: verb != .ack)
                }
            }
        }
    }

    private func play(_ lines: ArraySlice<String>, isAnswered: Bool) throws {
        var lines = lines
        while !lines.isEmpty {
            var peer = try Self.peer()
            while let line = lines.popFirst() {
                let answer = try peer.say("#x \(line)", as: "A").last ?? ""
                try #require(answer.hasPrefix("+x") || answer.hasPrefix("-x") || !isAnswered, "\(line): \(answer)")
                // What has been served has changed something: the next one finds everything in its place.
                if answer.hasPrefix("+") { break }
            }
            try peer.check()
            try peer.leaveNothing()
        }
    }

    private static func peer() throws -> EnginePeer {
        var limits = Limits()
        limits.residentBytes = 1 << 20
        limits.answerBytes = 1 << 16
        var peer = EnginePeer(limits: limits)
        peer.checksState = false
        for thing in things {
            let answer = try peer.say(thing, as: "A").last ?? ""
            try #require(answer.hasPrefix("+"), "\(thing): \(answer)")
        }
        return peer
    }

    private static func isNumber(_ kind: ArgumentKind) -> Bool {
        switch kind {
        case .number, .id, .address, .page, .length, .pages, .numbers: true
        case .name, .flag, .choice, .choices, .protection, .data, .pattern: false
        }
    }

    /// What the verb needs, or every number that it takes, with `values`.
    private static func line(_ spec: VerbSpec, _ values: [String: String], isFull: Bool) -> String {
        let words = spec.arguments.compactMap { argument -> String? in
            if let value = values[argument.name] {
                return argument.kind == .numbers ? value : "\(argument.name)=\(value)"
            }
            let isWanted = argument.need == .required || isFull && isNumber(argument.kind)
            return isWanted ? "\(argument.name)=\(plain(argument))" : nil
        }
        let data = spec.arguments.contains { $0.name == "data" } && values["pattern"] == nil ? ["data=x"] : []
        return ([spec.name] + words + data).joined(separator: " ")
    }

    private static func plain(_ argument: ArgumentSpec) -> String {
        switch argument.kind {
        case .number, .id, .numbers: "1"
        case .address, .page: "0x10000"
        case .length, .pages: "1p"
        case .name: argument.name == "name" ? "f" : "gpu0"
        case .flag: "yes"
        case .choice(let words), .choices(let words): words.first ?? ""
        case .protection: "rw"
        case .data: "x"
        case .pattern: "4a"
        }
    }
}
