import HMMProtocol
import Testing

/// Verbs are data, and everything else is made from it: so the data has to be right.
@Suite struct VerbSpecTests {
    static let specs = VerbName.allCases.map(\.spec)

    @Test func namesAreUnique() {
        #expect(Set(Self.specs.map(\.name)).count == VerbName.allCases.count)
    }

    /// Tools that people use to talk to the server by hand take lines that begin with these letters for themselves:
    /// `openssl s_client` takes `k`, `R` and `Q`.
    @Test(arguments: specs) func nameCanBeTyped(_ spec: VerbSpec) {
        #expect(isName(spec.name))
        #expect(!spec.name.hasPrefix("k"))
    }

    @Test(arguments: specs) func isWellFormed(_ spec: VerbSpec) {
        #expect(spec.arguments.count <= 8)
        #expect(Set(spec.arguments.map(\.name)).count == spec.arguments.count)
        #expect(spec.arguments.filter { $0.kind == .name }.count <= 2, "there are slots for two names")
        #expect(spec.arguments.filter { $0.kind == .data }.count <= 1)
        #expect(!spec.arguments.contains { $0.kind == .numbers } || spec.arguments.count == 1)
        #expect((spec.arguments.map(\.name) + spec.rows.map(\.name) + spec.reply.map(\.name)).allSatisfy(isName))
        #expect(Set(spec.rows.map(\.name)).count == spec.rows.count)
        #expect(Set(spec.reply.map(\.name)).count == spec.reply.count)
        #expect(Set(spec.errors + VerbSpec.commonErrors).count == spec.errors.count + VerbSpec.commonErrors.count)
        #expect(spec.summary.hasSuffix(".") && spec.summary.first?.isUppercase == true)
        #expect(spec.arguments.allSatisfy { !$0.meaning.isEmpty && !$0.meaning.hasSuffix(".") })
        #expect((spec.rows + spec.reply).allSatisfy { !$0.meaning.isEmpty && !$0.meaning.hasSuffix(".") })
    }

    @Test(arguments: specs) func usageNamesEveryArgument(_ spec: VerbSpec) {
        let words = spec.usage.split(separator: " ")
        #expect(words.count == spec.arguments.count)
        for (word, argument) in zip(words, spec.arguments) {
            switch argument.need {
            case .required: #expect(word == argument.name)
            case .optional: #expect(word == "[\(argument.name)]")
            case .defaulted(let value): #expect(word == "[\(argument.name)=\(value)]")
            }
        }
    }

    @Test(arguments: VerbName.allCases) func parses(_ verb: VerbName) {
        let spec = verb.spec
        guard let request = Reading.request(SampleLines.positional(spec)) else { return }
        #expect(Reading.request(SampleLines.keyed(spec)) == request)
        #expect(Reading.request(SampleLines.positional(spec).split(separator: " ").joined(separator: "   ")) == request)
        let backwards = SampleLines.values(spec).reversed().map { ($0.argument.name, $0.value) }
        #expect(Reading.request(SampleLines.keyed(spec, backwards)) == request)
        // The more by position, the fewer by key.
        for leading in 0...spec.arguments.count {
            let values = SampleLines.values(spec)
            let words = values[..<leading].map(\.value) + values[leading...].map { "\($0.argument.name)=\($0.value)" }
            #expect(Reading.request(([spec.name] + words).joined(separator: " ")) == request)
        }
    }

    /// What a default says is what absence means.
    @Test(arguments: specs) func defaultsHold(_ spec: VerbSpec) {
        let shortest = SampleLines.shortest(spec)
        guard let request = Reading.request(shortest) else { return }
        for argument in spec.arguments {
            guard case .defaulted(let value) = argument.need else { continue }
            #expect(Reading.request("\(shortest) \(argument.name)=\(value)") == request)
        }
    }

    @Test(arguments: specs) func everyArgumentIsChecked(_ spec: VerbSpec) {
        let values = SampleLines.values(spec).map { (name: $0.argument.name, value: $0.value) }
        for (index, argument) in spec.arguments.enumerated() {
            for value in SampleLines.illegal(argument.kind) {
                var changed = values
                changed[index].value = value
                expect(.badArgument, SampleLines.keyed(spec, changed))
                expect(.badArgument, ([spec.name] + changed.map(\.value)).joined(separator: " "))
            }
            var without = values
            without.remove(at: index)
            if argument.need == .required { expect(.missing, SampleLines.keyed(spec, without)) }
            // `ack` takes as many numbers as it is given.
            guard argument.kind != .numbers else { continue }
            expect(.badArgument, "\(SampleLines.keyed(spec)) \(argument.name)=\(values[index].value)")
            expect(.badArgument, "\(SampleLines.positional(spec)) \(argument.name)=\(values[index].value)")
        }
    }

    @Test(arguments: specs) func nothingMoreIsTaken(_ spec: VerbSpec) {
        expect(.badArgument, "\(SampleLines.keyed(spec)) nosuch=1")
        expect(.badArgument, "\(SampleLines.positional(spec)) x=y")
        guard spec.name != "ack" else { return }
        expect(.badArgument, "\(SampleLines.positional(spec)) 1")
        expect(.badArgument, "\(SampleLines.keyed(spec)) 1")
    }

    private func expect(_ code: ErrorCode, _ line: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let failure = Reading.failure(line, sourceLocation: sourceLocation)
        #expect(failure?.code == code, "\(line)", sourceLocation: sourceLocation)
    }

    private func isName(_ text: String) -> Bool {
        let rest = Set("abcdefghijklmnopqrstuvwxyz0123456789.-")
        return (1...32).contains(text.utf8.count) && text.first.map { $0.isLowercase } == true
            && text.allSatisfy(rest.contains)
    }
}
