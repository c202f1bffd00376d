import HMMEngine
import HMMHarness
import HMMProtocol
import Testing

/// Who may use which verb.
@Suite struct RoleTests {
    /// Arguments of which a verb needs one or another.
    private static let chosen = [
        "write": "data=x", "file.write": "data=x", "dev.write": "data=x", "evict": "dev=some",
    ]

    /// A line that parses: the required arguments, whatever they mean.
    static func line(_ spec: VerbSpec) -> String {
        let values = spec.arguments.filter { $0.need == .required }.map { argument in
            let value: String =
                switch argument.kind {
                case .number where argument.name == "pfn": "0x8000000"
                case .number, .id, .numbers: "1"
                case .address, .page: "0x10000"
                case .length, .pages: "1p"
                case .name: "some"
                case .flag: "yes"
                case .choice(let words), .choices(let words): words[0]
                case .protection: "rw"
                case .data: "x"
                case .pattern: "41"
                }
            return "\(argument.name)=\(value)"
        }
        return ([spec.name] + (spec.name == "ack" ? ["1"] : values) + [chosen[spec.name]].compactMap { $0 }).joined(
            separator: " ")
    }

    /// Every verb is refused to every role that it is not for, in words that say why, and to no other.
    @Test(arguments: Role.allCases, VerbName.allCases) func mayUse(_ role: Role, _ verb: VerbName) throws {
        var peer = EnginePeer()
        peer.role = role
        let spec = verb.spec
        let lines = try peer.say(Self.line(spec), as: "P")
        let refusal = "- DENIED EACCES : this connection has the role \(role.rawValue); `\(spec.name)` needs "
        #expect(lines.last?.hasPrefix(refusal) ?? false == !spec.roles.contains(Roles(role)), "\(lines)")
        #expect(!(lines.last?.hasPrefix("- BADARG") ?? false) && !(lines.last?.hasPrefix("- MISSING") ?? false))
        #expect(peer.framesUsed == 0)
    }

    /// The table itself: a change of it is a change of what people may rely on.
    @Test func theTable() {
        func verbs(_ roles: Roles) -> [String] {
            VerbName.allCases.map(\.spec).filter { $0.roles == roles }.map(\.name)
        }
        #expect(
            verbs(.all) == [
                "hello", "auth", "ping", "help", "limits", "quota", "pending", "ack", "quit", "maps", "pagemap",
                "file.list", "dev.list",
            ])
        #expect(verbs(.admin) == ["check", "config", "inject"])
        #expect(verbs([.process, .driver, .admin]) == ["record", "pin", "unpin"])
        #expect(
            verbs([.process, .admin]) == [
                "mm.create", "mm.fork", "mm.drop", "mm.reap", "mmap", "munmap", "mremap", "mprotect", "madvise", "read",
                "write", "file.create", "file.truncate", "file.read", "file.write", "file.remove",
            ])
        let rest = VerbName.allCases.map(\.spec).filter { $0.roles == [.driver, .admin] }
        #expect(rest.allSatisfy { [.device, .mirror, .legacy].contains($0.group) })
        #expect(VerbName.allCases.count == 13 + 3 + 3 + 16 + rest.count)
        #expect(VerbName.allCases.allSatisfy { $0.roles.contains(.admin) })
        #expect(VerbName.allCases.map(\.spec).allSatisfy { $0.roles == .all || $0.errors.contains(.denied) })
    }

    @Test(arguments: Role.allCases) func helpListsWhatMayBeUsed(_ role: Role) throws {
        var peer = EnginePeer()
        peer.role = role
        let shown = try peer.say("help", as: "P").compactMap { line in
            line.hasPrefix("= verb=") ? line.split(separator: " ")[1].dropFirst(5) : nil
        }
        let expected = VerbName.allCases.map(\.spec).filter { $0.roles.contains(Roles(role)) }.map(\.name)
        #expect(shown.map(String.init) == expected)
        #expect(try peer.say("hello", as: "P") == ["+ version=1 tenant=ci session=c1 role=\(role.rawValue)"])
    }

    /// A driver and a process of one tenant work together, each with what is its own.
    @Test func together() throws {
        var peer = EnginePeer()
        peer.role = .process
        try peer.say("mm.create", "mmap 1 0x10000 1p", "write 1 0x10000 hi", as: "P")
        peer.role = .driver
        try peer.say("dev.create gpu0", "mirror 1 gpu0 ack=auto", as: "M")
        #expect(try peer.say("fault 1 0x10000 1p", as: "M").last?.hasPrefix("+ pages=1") ?? false)
        #expect(try peer.say("dev.read 1 0x10000 2", as: "M").first == #"= data="hi""#)
        #expect(try peer.say("write 1 0x10000 no", as: "M").first?.hasPrefix("- DENIED EACCES") ?? false)
        #expect(try peer.say("fault 1 0x10000 1p", as: "P").first?.hasPrefix("- DENIED EACCES") ?? false)
        peer.role = .observer
        #expect(try peer.say("maps 1", as: "O").last?.hasPrefix("+ rows=1") ?? false)
        #expect(try peer.say("read 1 0x10000 2", as: "O").first?.hasPrefix("- DENIED EACCES") ?? false)
        // On the untagged lane a refusal keeps its turn.
        #expect(try peer.say("read 1 0x10000 2", "ping", as: "O").map { $0.prefix(2) } == ["- ", "+"])
    }
}
