import Foundation
import HMMHarness
import HMMProtocol
import HMMTranscript

/// What the fuzzer begins with: the project's conversations and scenarios in the form of each target, and the words of
/// the protocol as its dictionary.
enum Seeds {
    /// Long conversations teach nothing new and make every step slow.
    private static let longest = 16 << 10

    static func write(to folder: String, from root: String) throws {
        let folder = URL(filePath: folder)
        for target in Target.allCases {
            try FileManager.default.createDirectory(
                at: folder.appending(path: target.rawValue), withIntermediateDirectories: true)
        }
        func add(_ target: Target, _ name: String, _ octets: [UInt8]) throws {
            guard !octets.isEmpty, octets.count <= longest else { return }
            let file = name.replacing("/", with: "-")
            try Data(octets).write(to: folder.appending(path: "\(target.rawValue)/\(file)"))
        }
        for (name, text) in try files(URL(filePath: root), "Tests/Transcripts", ".hmm") {
            try add(.transcript, name, Array(text.utf8))
            let played = Played(try TranscriptParser.parse(text, file: name))
            try add(.engine, name, played.inputs)
            try add(.reader, name, played.sent)
            try add(.recording, name, [1] + played.sent)
            let file = played.sent.withUnsafeBytes { RecordingTarget.recorded($0, holdsOutput: false) }
            try add(.recording, "\(name)-file", [0] + file)
            try add(.recording, "\(name)-forged", [2] + file)
            try add(.serverLines, name, played.received)
        }
        for (name, text) in try files(URL(filePath: root), "Tests/Oracle", ".scn") {
            try add(.oracle, name, Array(text.utf8))
        }
        for (index, verb) in VerbName.allCases.enumerated() {
            let words = verb.spec.arguments.map { "\($0.name)=\(example($0.kind))" }.joined(separator: " ")
            try add(.verb, verb.spec.name, [UInt8(index)] + Array(words.utf8))
        }
        for (name, text) in try files(URL(filePath: root), "packaging", ".yaml") {
            try add(.configuration, name, Array(text.utf8))
        }
        for resource in QuotaResource.allCases {
            let text =
                "Ammap 1 0x10000 4p\n=\(resource.rawValue) 1 2\nAmm.create\nBmm.create\n=\(resource.rawValue) - -\nAquota\n"
            try add(.engine, "quota-\(resource.rawValue)", Array(text.utf8))
        }
        for role in Role.allCases {
            try add(.engine, "role-\(role.rawValue)", Array("%\(role.rawValue)\nAhello\n".utf8))
        }
        for things in ["/100\n", "~\n", "/1\n~\n"] {
            let text =
                "\(things)Amm.create\nAmmap 1 0x10000 64p\nAwrite 1 0x10000 x len=64p\nBping\n*A\n!B\n+1\n-B\n_3\nAmaps 1\n"
            try add(.engine, "between-\(things.split(separator: "\n").joined())", Array(text.utf8))
        }
        for mode in UInt8(0)..<64 { try add(.tls, "mode-\(mode)", [mode, 0, 40, 1]) }
        try Data(dictionary.utf8).write(to: folder.appending(path: "dictionary"))
    }

    private static func files(_ root: URL, _ folder: String, _ suffix: String) throws -> [(String, String)] {
        let base = root.appending(path: folder)
        let names = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return try names.filter { $0.hasSuffix(suffix) }.sorted().map {
            ($0, try String(contentsOf: base.appending(path: $0), encoding: .utf8))
        }
    }

    private static func example(_ kind: ArgumentKind) -> String {
        switch kind {
        case .number, .id, .numbers: "1"
        case .address, .page: "0x10000"
        case .length, .pages: "2p"
        case .name: "gpu0"
        case .flag: "yes"
        case .choice(let words): words.last ?? ""
        case .choices(let words): words.joined(separator: ",")
        case .protection: "rw"
        case .data: "hex:00ff"
        case .pattern: "4a+"
        }
    }

    /// Verbs, keys and words of the protocol, and what values look like.
    private static var dictionary: String {
        var words: Set<String> = [
            "0x10000", "0x20000", "1p", "4p", "512p", "2m", "64m", "18446744073709551615", "0x7ffffffff000", "hex:",
            "b64:", "ints", "-ints", "none", "rw", "yes", "no", "{5}", "#t ",
        ]
        words.formUnion(Role.allCases.map(\.rawValue) + QuotaResource.allCases.map(\.rawValue))
        for spec in VerbName.allCases.map(\.spec) {
            words.insert(spec.name)
            for argument in spec.arguments {
                words.insert("\(argument.name)=")
                switch argument.kind {
                case .choice(let choices), .choices(let choices): words.formUnion(choices)
                default: break
                }
            }
        }
        return words.sorted().map { "\"\($0)\"\n" }.joined() + #"""
            "\x0a"
            "\x0aA"
            "\x0aB"
            "\x0a^A"
            "\x0a-A"
            "\x0a+1000"
            "\x0a%"
            "\x0a="
            "\x0a/"
            "\x0a~\x0a"
            "\x0a*A"
            "\x0a!A"
            "\x0a_"

            """#
    }
}

/// A transcript as the inputs it makes, once what it binds is known.
private struct Played {
    private(set) var inputs: [UInt8] = []
    private(set) var sent: [UInt8] = []
    private(set) var received: [UInt8] = []

    init(_ transcript: Transcript) {
        let letters = Array("ABCDEFGH".utf8)
        let names = transcript.connectionNames
        func letter(_ name: String) -> [UInt8] { [letters[(names.firstIndex(of: name) ?? 0) % letters.count]] }
        var inputs: [UInt8] = []
        var sent: [UInt8] = []
        var received: [UInt8] = []
        var peer = EnginePeer()
        peer.checksState = false
        peer.keepsOutput = false
        try? peer.play(transcript) { moment in
            switch moment {
            case .sent(let name, let octets):
                sent += octets
                let lines = octets.split(separator: 10, omittingEmptySubsequences: false)
                for line in lines.dropLast() { inputs += letter(name) + line + [10] }
                if let last = lines.last, !last.isEmpty { inputs += letter(name) + [124] + last + [10] }
            case .received(_, let item): received += item.bytes + [10] + (item.literal.map { $0 + [10] } ?? [])
            case .waiting(let milliseconds): inputs += Array("+\(milliseconds)\n".utf8)
            case .cut(let name): inputs += [45] + letter(name) + [10]
            case .remark, .heading, .connected, .ended: break
            }
        }
        (self.inputs, self.sent, self.received) = (inputs, sent, received)
    }
}
