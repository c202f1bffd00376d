import HMMProtocol
import Testing

@testable import HMMClient

@Suite struct AnswerLedgerTests {
    private func request(_ line: String) throws -> ScriptRequest {
        try #require(ScriptRequest(line: Array(line.utf8)[...]))
    }

    @Test func untaggedRequestsWaitForEachOther() throws {
        var ledger = AnswerLedger(keepsGoing: false)
        let ping = try request("ping")
        #expect(ledger.maySend(ping))
        ledger.sent(ping)
        #expect(!ledger.maySend(ping))
        #expect(ledger.maySend(try request("#1 ping")))
        #expect(ledger.maySend(try request("ack 1")))
        ledger.received(try ServerLine("= verb=\"ping\""))
        #expect(ledger.outstanding == 1)
        ledger.received(try ServerLine("+"))
        #expect(ledger.outstanding == 0)
        #expect(ledger.maySend(ping))
    }

    @Test func keepingGoingFillsTheWindow() throws {
        var ledger = AnswerLedger(keepsGoing: true, window: 2)
        let ping = try request("ping")
        ledger.sent(ping)
        #expect(ledger.maySend(ping))
        ledger.sent(try request("#1 ping"))
        #expect(!ledger.maySend(ping))
        #expect(ledger.maySend(try request("ack 9")))
        ledger.received(try ServerLine("+1"))
        #expect(ledger.maySend(ping))
    }

    @Test func tagsAreCounted() throws {
        var ledger = AnswerLedger(keepsGoing: true)
        ledger.sent(try request("#a ping"))
        ledger.sent(try request("#a ping"))
        ledger.sent(try request("#b ping"))
        #expect(ledger.outstanding == 3)
        ledger.received(try ServerLine("-a TAGBUSY EALREADY : in use"))
        ledger.received(try ServerLine("+b"))
        ledger.received(try ServerLine("+unknown"))
        #expect(ledger.outstanding == 1)
        ledger.received(try ServerLine("+a"))
        #expect(ledger.outstanding == 0)
        #expect(ledger.hasFailed)
    }

    @Test func aRefusalStopsTheScript() throws {
        var stopping = AnswerLedger(keepsGoing: false)
        var going = AnswerLedger(keepsGoing: true)
        stopping.sent(try request("read 1"))
        going.sent(try request("read 1"))
        stopping.received(try ServerLine("- MISSING EINVAL : va"))
        going.received(try ServerLine("- MISSING EINVAL : va"))
        #expect(stopping.hasStopped && stopping.hasFailed)
        #expect(!going.hasStopped && going.hasFailed)
        #expect(going.outstanding == 0)
    }

    @Test func acknowledgementsHaveNoAnswer() throws {
        var ledger = AnswerLedger(keepsGoing: true)
        ledger.sent(try request("ack 1"))
        #expect(ledger.outstanding == 0)
        ledger.sent(try request("ping"))
        // What an `ack` of an unknown event causes is no answer to the ping.
        ledger.received(try ServerLine("- NOEVENT ENOENT : no event 1"))
        #expect(ledger.outstanding == 1)
        #expect(ledger.hasFailed)
        ledger.received(try ServerLine("+"))
        #expect(ledger.outstanding == 0)
    }

    @Test func goodbyesEndTheScript() throws {
        var ledger = AnswerLedger(keepsGoing: true)
        ledger.sent(try request("quit"))
        #expect(ledger.hasQuit && ledger.hasStopped)
        var other = AnswerLedger(keepsGoing: true)
        other.received(try ServerLine("* bye SHUTDOWN : later"))
        #expect(other.hasStopped)
        #expect(other.bye == "SHUTDOWN")
        #expect(!other.hasQuit)
    }
}
