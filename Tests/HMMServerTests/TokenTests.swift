import Dispatch
import HMMProtocol
import HMMTLS
import Synchronization
import Testing

@testable import HMMServer

@Suite struct TokenTests {
    /// Cheap, so that tests are quick.
    private static let cost = ScryptHash.Cost(logN: 10, blockSize: 8, parallelism: 1)

    private static func rule(_ token: Token, _ tenant: String, _ role: Role? = nil) throws -> TokenRule {
        let name = try #require(ShortName(tenant))
        let hash = try ScryptHash(Array(token.secret.utf8), cost: cost)
        return TokenRule(id: token.id, hash: hash, Placement(tenant: name, role: role))
    }

    /// A server where clients without a certificate need a token, one of which it has.
    private func serve(
        _ change: @escaping (inout ServerConfiguration) -> Void = { _ in },
        _ body: (TestServer, Token) async throws -> Void
    ) async throws {
        let token = try Token()
        let rule = try Self.rule(token, "lab", .driver)
        try await TestServer.run({
            $0.tls?.verification = .optional
            $0.identities.tokens = [rule]
            // However long other tests keep this one from going on.
            $0.patience.handshake = .seconds(600)
            change(&$0)
        }) { try await body($0, token) }
    }

    /// A client without a certificate, greeted.
    private func stranger(_ fixture: TestServer) async throws -> TestClient {
        let client = try TestClient(.tcp(fixture.port), tls: fixture.clientContext(nil))
        #expect(try await client.line().hasPrefix("* HMM/1 auth=token page=4096 "))
        return client
    }

    @Test func theTokenSaysWhoTheClientIs() async throws {
        try await serve { fixture, token in
            let client = try await stranger(fixture)
            #expect(try await client.ask("#1 auth token=\(token.text)") == "+1 tenant=lab role=driver")
            #expect(try await client.ask("hello") == "+ version=1 tenant=lab session=c1 role=driver")
            #expect(try await client.ask("auth \(token.text)").hasPrefix("- STATE EINVAL : "))
            #expect(!fixture.log.contains(token.secret))
            // A certificate goes on to be enough.
            let known = try await fixture.client()
            #expect(try await known.ask("hello").contains("tenant=ci"))
        }
    }

    @Test func whatFollowsTheTokenWaitsForIt() async throws {
        try await serve { fixture, token in
            let client = try await stranger(fixture)
            try await client.send("auth \(token.text)", "mm.create", "#2 ping", "ping")
            #expect(try await client.line() == "+ tenant=lab role=driver")
            #expect(try await client.line().hasPrefix("- DENIED EACCES : "))
            #expect(try await client.line() == "+2")
            #expect(try await client.line() == "+")
        }
    }

    @Test func nothingElseIsServedBefore() async throws {
        try await serve { fixture, token in
            let client = try await stranger(fixture)
            #expect(try await client.ask("#7 mm.create").hasPrefix("-7 DENIED EACCES : "))
            #expect(try await client.ask("nonsense").hasPrefix("- NOVERB ENOSYS"))
            #expect(fixture.server.context.tenants.count == 0)
            #expect(try await client.ask("auth \(token.text)") == "+ tenant=lab role=driver")
            let other = try await stranger(fixture)
            #expect(try await other.ask("quit") == "+")
            #expect(try await other.ending() == .init(text: "* bye QUIT\n", isOrderly: true))
        }
    }

    @Test func threeFailuresAreTheEnd() async throws {
        try await serve { fixture, token in
            let client = try await stranger(fixture)
            // The right public part, a public part nobody has, and no public part at all.
            for wrong in ["\(token.id).wrong", "nobody.\(token.secret)", token.secret] {
                #expect(try await client.ask("auth \(wrong)") == "- DENIED EACCES : the token is not accepted")
            }
            #expect(try await client.ending() == .init(text: "* bye AUTH\n", isOrderly: true))
            // The same without waiting for answers.
            let hasty = try await stranger(fixture)
            try await hasty.send("auth a.b", "#2 auth c.d", "auth \(token.text)x", "auth \(token.text)")
            #expect(try await hasty.line().hasPrefix("- DENIED"))
            #expect(try await hasty.line().hasPrefix("-2 DENIED"))
            #expect(try await hasty.line().hasPrefix("- DENIED"))
            #expect(try await hasty.ending() == .init(text: "* bye AUTH\n", isOrderly: true))
            try await fixture.wait { fixture.log.contains("reason=\"the token is not accepted\"") }
            #expect(!fixture.log.contains("wrong"))
        }
    }

    @Test func aStrangerGetsRoomForATokenOnly() async throws {
        try await serve { fixture, _ in
            let client = try await stranger(fixture)
            let answer = try await client.ask("auth \(String(repeating: "a", count: 2000))")
            #expect(answer.hasPrefix("- TOOLONG EMSGSIZE"))
            #expect(try await client.ending() == .init(text: "* bye FRAMING\n", isOrderly: true))
            let other = try await stranger(fixture)
            #expect(try await other.ask("auth {513}").hasPrefix("- TOOLONG EMSGSIZE"))
        }
    }

    @Test func aStrangerWhoSaysNothingIsSentAway() async throws {
        try await serve({ $0.patience.handshake = .milliseconds(200) }) { fixture, _ in
            let client = try await stranger(fixture)
            #expect(try await client.ending() == .init(text: "* bye AUTH\n", isOrderly: true))
            try await fixture.wait { fixture.log.contains("reason=\"no token in time\"") }
        }
    }

    @Test func clientsMayGoWhileTheirTokenIsLookedAt() async throws {
        try await serve { fixture, token in
            for _ in 0..<20 {
                let client = try await stranger(fixture)
                try await client.send("auth \(token.text)x")
                try await client.reset()
            }
            let last = try await stranger(fixture)
            try await last.send("auth \(token.text)")
            try await last.endOutput()
            #expect(try await last.ending() == .init(text: "+ tenant=lab role=driver\n", isOrderly: true))
            try await fixture.waitUntilEmpty()
        }
    }

    /// Clients like `printf 'auth …' | ncat --ssl` end TCP without a word of TLS, and wait for what they asked for.
    @Test(arguments: [true, false]) func whoHasNoMoreToSayGetsAnswers(notify: Bool) async throws {
        try await serve { fixture, token in
            let client = try await stranger(fixture)
            try await client.send("auth \(token.id).wrong", "auth \(token.text)", "#2 hello")
            try await client.endOutput(notify: notify)
            #expect(try await client.line().hasPrefix("- DENIED "))
            #expect(try await client.line() == "+ tenant=lab role=driver")
            #expect(try await client.line().hasPrefix("+2 version=1 tenant=lab "))
            #expect(try await client.ending() == .init(text: "", isOrderly: true))
        }
    }

    /// However long the verifier takes, whose connection has broken is not waited for.
    @Test func whoBreaksTheConnectionLeavesAtOnce() async throws {
        try await serve { fixture, token in
            let hold = DispatchSemaphore(value: 0)
            let rules = fixture.server.context.rules.identities.tokens
            let other = TokenCheck(Array("a.b".utf8), rules, from: nil)
            #expect(fixture.server.context.verifier.verify(other) { _ in hold.wait() })
            for _ in 0..<2 * TokenVerifier.boundOfAddress {
                let client = try await stranger(fixture)
                try await client.send("auth \(token.text)")
                try await client.reset()
                try await fixture.wait { fixture.server.context.admission.count == 0 }
            }
            let patient = try await stranger(fixture)
            try await patient.send("auth \(token.text)")
            try await patient.endOutput()
            hold.signal()
            #expect(try await patient.ending() == .init(text: "+ tenant=lab role=driver\n", isOrderly: true))
        }
    }

    /// Who goes on showing tokens while nobody has time for them has its turns, and an end.
    @Test func whoDoesNotWaitIsSentAway() async throws {
        try await serve { fixture, token in
            let verifier = fixture.server.context.verifier
            let (begun, hold) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            let rules = fixture.server.context.rules.identities.tokens
            func check(_ address: Int) -> TokenCheck {
                TokenCheck(Array("a.b".utf8), rules, from: AddressPrefix(family: .v4, bits: UInt64(address)))
            }
            let isTaken = verifier.verify(check(0)) { _ in
                begun.signal()
                hold.wait()
            }
            #expect(isTaken)
            await withCheckedContinuation { waiter in
                DispatchQueue.global().async {
                    begun.wait()
                    waiter.resume()
                }
            }
            var waiting = (0..<TokenVerifier.bound).map { check($0) }
            for check in waiting { #expect(verifier.verify(check) { _ in }) }
            let hasty = try await stranger(fixture)
            try await hasty.send(bytes: Array(String(repeating: "auth a.b\n", count: 1000).utf8))
            let ending = try await hasty.ending()
            #expect(ending.isOrderly && ending.text.hasSuffix("\n* bye AUTH\n"))
            #expect(ending.text.split(separator: "\n").count { $0.hasPrefix("- BUSY ") } == Login.mostPostponed)
            // What comes after an answer of that kind is not lost.
            let patient = try await stranger(fixture)
            try await patient.send("auth \(token.text)", "#2 auth \(token.text)", "#3 quit")
            try await patient.endOutput()
            #expect(try await patient.line().hasPrefix("- BUSY "))
            #expect(try await patient.line().hasPrefix("-2 BUSY "))
            #expect(try await patient.ending() == .init(text: "+3\n* bye QUIT\n", isOrderly: true))
            let last = try await stranger(fixture)
            #expect(try await last.ask("auth \(token.text)").hasPrefix("- BUSY "))
            verifier.withdraw(waiting.removeLast())
            try await last.send("auth \(token.text)", "#2 ping")
            hold.signal()
            #expect(try await last.line() == "+ tenant=lab role=driver")
            #expect(try await last.line() == "+2")
        }
    }

    /// A token that has fitted needs no thread that has time for it; what follows it is not lost.
    @Test func whoReturnsIsKnownAtOnce() async throws {
        try await serve { fixture, token in
            let first = try await stranger(fixture)
            #expect(try await first.ask("auth \(token.text)") == "+ tenant=lab role=driver")
            let hold = DispatchSemaphore(value: 0)
            let rules = fixture.server.context.rules.identities.tokens
            #expect(fixture.server.context.verifier.verify(TokenCheck([], rules, from: nil)) { _ in hold.wait() })
            for _ in 0..<3 {
                let again = try await stranger(fixture)
                try await again.send("#1 auth \(token.text)", "#2 mm.create", "#3 hello", "#4 quit")
                try await again.endOutput()
                #expect(try await again.line() == "+1 tenant=lab role=driver")
                #expect(try await again.line().hasPrefix("-2 DENIED "))
                #expect(try await again.line().hasPrefix("+3 version=1 tenant=lab "))
                #expect(try await again.ending() == .init(text: "+4\n* bye QUIT\n", isOrderly: true))
            }
            // Its id alone is no token.
            let wrong = try await stranger(fixture)
            try await wrong.send("auth \(token.id).wrong", "auth \(token.text)", "#3 ping")
            hold.signal()
            #expect(try await wrong.line() == "- DENIED EACCES : the token is not accepted")
            #expect(try await wrong.line() == "+ tenant=lab role=driver")
            #expect(try await wrong.line() == "+3")
        }
    }

    // MARK: The verifier

    /// A verifier that is kept busy until `release` is called, and a way to show it tokens from numbered addresses.
    private final class Queue: Sendable {
        let verifier: TokenVerifier
        private let rules: [TokenRule]
        private let (begun, hold) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let done = DispatchSemaphore(value: 0)
        let order = Mutex<[UInt64]>([])

        init() throws {
            verifier = try TokenVerifier()
            rules = [try TokenTests.rule(try Token(), "lab")]
            let (begun, hold) = (begun, hold)
            _ = verifier.verify(check(from: 0)) { _ in
                begun.signal()
                hold.wait()
            }
            begun.wait()
        }

        deinit { verifier.stop() }

        func release() { hold.signal() }

        func check(from address: UInt64) -> TokenCheck {
            TokenCheck(Array("a.b".utf8), rules, from: AddressPrefix(family: .v4, bits: address))
        }

        func isTaken(_ check: TokenCheck) -> Bool {
            let address = check.address?.bits ?? 0
            return verifier.verify(check) { _ in
                self.order.withLock { $0.append(address) }
                self.done.signal()
            }
        }

        func isTaken(from address: UInt64) -> Bool { isTaken(check(from: address)) }
    }

    @Test func tooManyTokensAreRefused() throws {
        let queue = try Queue()
        defer { queue.release() }
        for index in 0..<TokenVerifier.bound { #expect(queue.isTaken(from: UInt64(index))) }
        #expect(!queue.isTaken(from: 1000))
    }

    @Test func oneAddressKeepsNobodyElseOut() throws {
        let queue = try Queue()
        for _ in 0..<TokenVerifier.boundOfAddress { #expect(queue.isTaken(from: 1)) }
        #expect(!queue.isTaken(from: 1))
        #expect(queue.isTaken(from: 2) && queue.isTaken(from: 2) && queue.isTaken(from: 3))
        queue.release()
        for _ in 0..<TokenVerifier.boundOfAddress + 3 { queue.done.wait() }
        #expect(queue.order.withLock { Array($0.prefix(6)) } == [1, 2, 3, 1, 2, 1])
    }

    @Test func whoGoesTakesNeitherPlaceNorTime() throws {
        let queue = try Queue()
        for _ in 0..<10 * TokenVerifier.bound {
            let check = queue.check(from: 1)
            #expect(queue.isTaken(check))
            queue.verifier.withdraw(check)
            queue.verifier.withdraw(check)
        }
        #expect(queue.isTaken(from: 2))
        queue.release()
        queue.done.wait()
        #expect(queue.order.withLock { $0 } == [2])
    }

    @Test func anotherHashIsAnotherToken() async throws {
        let token = try Token()
        let (old, new) = (try Self.rule(token, "lab"), try Self.rule(token, "lab"))
        var configuration = ServerConfiguration(localTenant: try #require(ShortName("local")))
        configuration.identities.tokens = [new]
        let rules = AdmittanceRules(configuration)
        #expect(rules.admit(.token(old), nil) == .refused("no such token"))
        #expect(rules.admit(.token(new), nil) != .refused("no such token"))
    }

    @Test func oneTokenOfEachRuleIsRecognized() throws {
        let hash = try KeyedHash()
        func mark(_ secret: String) throws -> KeyedHash.Mark { try #require(hash.mark(of: Array(secret.utf8))) }
        let token = try Token()
        let rules = [try Self.rule(token, "lab"), try Self.rule(try Token(), "lab")]
        var recognized = RecognizedTokens()
        recognized.insert(try mark("a"), for: rules[0], among: rules)
        #expect(recognized.contains(try mark("a"), for: rules[0]))
        #expect(!recognized.contains(try mark("b"), for: rules[0]))
        #expect(!recognized.contains(try mark("a"), for: rules[1]))
        // The same id with another hash.
        #expect(!recognized.contains(try mark("a"), for: try Self.rule(token, "lab")))
        recognized.insert(try mark("b"), for: rules[1], among: [rules[1]])
        #expect(recognized.contains(try mark("b"), for: rules[1]))
        #expect(!recognized.contains(try mark("a"), for: rules[0]))
    }

    @Test func anotherKeyMakesAnotherMark() throws {
        let secret = Array("secret".utf8)
        let (one, other) = (try KeyedHash(), try KeyedHash())
        let mark = try #require(one.mark(of: secret))
        #expect(one.mark(of: secret) == mark)
        #expect(other.mark(of: secret) != mark)
        #expect(one.mark(of: []) != mark)
    }

    // MARK: Hashes

    @Test func hashesHaveAStandardForm() throws {
        // RFC 7914, section 12: password "password", salt "NaCl", N 1024, r 8, p 16 – the hash begins fdbabe1c9d34.
        let hash = try ScryptHash(Array("secret".utf8), cost: Self.cost)
        let again = try #require(ScryptHash(hash.description))
        #expect(again == hash)
        #expect(hash.description.hasPrefix("$scrypt$ln=10,r=8,p=1$"))
        #expect(again.matches(Array("secret".utf8)) && !again.matches(Array("Secret".utf8)) && !again.matches([]))
    }

    @Test(
        arguments: [
            "", "$scrypt$", "$scrypt$ln=10,r=8,p=1$AAAA$AAAA",
            "$argon2$ln=10,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=9,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=20,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=10,p=1,r=8$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=10,r=8,p=1$AAAAAAAAAAAAAAAAAAAAA!$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=10,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAB$AAAAAAAAAAAAAAAAAAAAAA",
        ])
    func otherFormsAreRefused(text: String) { #expect(ScryptHash(text) == nil) }

    @Test func hashesOfOthersAreUnderstood() throws {
        // Made with Python: hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChloride", n=16384, r=8, p=1, dklen=64),
        // which is a vector of RFC 7914.
        let text =
            "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw"
        let hash = try #require(ScryptHash(text))
        #expect(hash.matches(Array("pleaseletmein".utf8)))
        #expect(hash.description == text)
    }

    @Test func tokensDiffer() throws {
        let tokens = try (0..<100).map { _ in try Token() }
        #expect(Set(tokens.map(\.id)).count == 100 && Set(tokens.map(\.secret)).count == 100)
        #expect(tokens.allSatisfy { $0.id.utf8.count == 12 && $0.secret.utf8.count == 43 })
    }
}
