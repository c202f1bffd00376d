import HMMProtocol
import Testing

@testable import HMMClient

@Suite struct RequestTableTests {
    @Test func answersFindTheirRequests() throws {
        var table = RequestTable<String>()
        #expect(table.add("read 1", owner: "a") == "c1")
        #expect(table.add("ping", owner: "b") == "c2")
        #expect(table.take(try ServerLine("=c1 x=1")) == nil)
        let second = table.take(try ServerLine("+c2"))
        #expect(second?.owner == "b")
        #expect(second?.result == .success(Answer()))
        #expect(table.take(try ServerLine("=c1 x=2")) == nil)
        let first = table.take(try ServerLine("+c1 n=2"))
        #expect(first?.owner == "a")
        #expect(first?.line == "read 1")
        let answer = try #require(try first?.result.get())
        #expect(answer.rows.map { $0["x"]?.number } == [1, 2])
        #expect(answer["n"]?.number == 2)
        #expect(table.isEmpty)
    }

    @Test func refusalsCarryEverything() throws {
        var table = RequestTable<Int>()
        _ = table.add("fault", owner: 1)
        let completion = table.take(try ServerLine("-c1 BUSY EBUSY retry-after=20 : wait"))
        guard case .failure(.refused(let refusal)) = completion?.result else {
            Issue.record("\(String(describing: completion))")
            return
        }
        #expect(refusal.code == "BUSY")
        #expect(refusal.errno == "EBUSY")
        #expect(refusal.retryAfterMilliseconds == 20)
        #expect(refusal.text == "wait")
    }

    @Test func strangersAreLeftAlone() throws {
        var table = RequestTable<Int>()
        _ = table.add("ping", owner: 1)
        for line in ["+", "+c2", "=c3 a=1", "* note : x", "!1 inval mirror=1"] {
            #expect(table.take(try ServerLine(line)) == nil)
        }
        #expect(table.removeAll() == [1])
        #expect(table.remove("c1") == nil)
    }
}

@Suite struct LeaseBookTests {
    @Test func smallestLeaseCounts() throws {
        var book = LeaseBook()
        #expect(book.pingMilliseconds == nil)
        func answer(_ line: String) throws -> Answer { Answer(pairs: try ServerLine(line).pairs) }
        book.take("mirror mm=1 dev=a", try answer("+ mirror=1 seq=1 lease=5000"))
        book.take("mirror mm=1 dev=b", try answer("+ mirror=2 seq=1 lease=1000"))
        book.take("ping", Answer())
        #expect(book.pingMilliseconds == 500)
        book.take("mirror.drop mirror=2", Answer())
        #expect(book.pingMilliseconds == 2500)
        book.take(Event(number: 1, name: "fenced", pairs: [.init("mirror", .atom("1"))]))
        #expect(book.pingMilliseconds == nil)
    }
}
