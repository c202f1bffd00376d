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

    /// What depends on a build or on a licence says so among its errors.
    @Test(arguments: specs) func gatesAreErrors(_ spec: VerbSpec) {
        #expect(spec.gate == nil || spec.errors.contains(.gated))
        #expect(spec.errors.contains(.licence) == (spec.export == .gpl))
    }

    /// The kernel's exports of semantics §16: what it lets GPL modules use only, and what depends on an option. What
    /// gives something back or finishes what is open is nowhere among them.
    @Test func exportsAndGates() {
        #expect(
            Set(Self.specs.filter { $0.export == .gpl }.map(\.name)) == [
                "region.create", "mirror", "exclusive", "exclusive.held", "hmm.devmem-add", "hmm.devmem-add-resource",
                "hmm.device-new",
            ])
        let gated = Dictionary(grouping: Self.specs.filter { $0.gate != nil }, by: { $0.gate?.rawValue ?? "" })
            .mapValues { Set($0.map(\.name)) }
        #expect(
            gated["HMM_MIRROR"] == [
                "mirror", "fault", "snapshot", "dev.read", "dev.write", "exclusive", "exclusive.held",
                "hmm.mirror-register", "hmm.vma-get-pfns", "hmm.vma-fault",
            ])
        #expect(
            gated["DEVICE_PRIVATE"] == [
                "migrate", "migrate.begin", "dev.migrate", "evict", "hmm.devmem-add", "hmm.migrate-vma",
            ])
        #expect(gated["DEVICE_PUBLIC"] == ["hmm.devmem-add-resource"])
        #expect(gated.count == Gate.allCases.count)
    }

    /// A connection's queue and every operation hold requests, so their size counts.
    @Test func requestsAreSmall() {
        #expect(MemoryLayout<Request>.size <= 34)
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

    @Test(arguments: specs) func parses(_ spec: VerbSpec) {
        var covered: Set<String> = []
        for form in SampleLines.forms(spec) {
            covered.formUnion(form.map(\.argument.name))
            let keyed = SampleLines.mixed(spec, form, leading: 0)
            guard let request = Reading.request(keyed) else { continue }
            #expect(Reading.request(keyed.split(separator: " ").joined(separator: "   ")) == request)
            #expect(Reading.request(SampleLines.mixed(spec, form.reversed(), leading: 0)) == request)
            // The more by position, the fewer by key.
            for leading in 0...SampleLines.leading(form, spec) {
                #expect(Reading.request(SampleLines.mixed(spec, form, leading: leading)) == request)
            }
        }
        #expect(covered == Set(spec.arguments.map(\.name)))
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
        for form in SampleLines.forms(spec) {
            let leading = SampleLines.leading(form, spec)
            for (index, argument) in form.map(\.argument).enumerated() {
                for value in SampleLines.illegal(argument.kind) {
                    var changed = form
                    changed[index].value = value
                    expect(.badArgument, SampleLines.mixed(spec, changed, leading: 0))
                    expect(.badArgument, SampleLines.mixed(spec, changed, leading: leading))
                }
                var without = form
                without.remove(at: index)
                if argument.need == .required { expect(.missing, SampleLines.mixed(spec, without, leading: 0)) }
                // `ack` takes as many numbers as it is given.
                guard argument.kind != .numbers else { continue }
                for leading in [0, leading] {
                    let line = SampleLines.mixed(spec, form, leading: leading)
                    expect(.badArgument, "\(line) \(argument.name)=\(form[index].value)")
                }
            }
        }
    }

    @Test(arguments: specs) func nothingMoreIsTaken(_ spec: VerbSpec) {
        for form in SampleLines.forms(spec) {
            let keyed = SampleLines.mixed(spec, form, leading: 0)
            expect(.badArgument, "\(keyed) nosuch=1")
            expect(.badArgument, "\(SampleLines.mixed(spec, form, leading: SampleLines.leading(form, spec))) x=y")
            if spec.name != "ack" { expect(.badArgument, "\(keyed) 1") }
        }
        // One more than there are.
        guard spec.name != "ack", SampleLines.forms(spec).count == 1 else { return }
        expect(.badArgument, "\(SampleLines.positional(spec)) 1")
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
