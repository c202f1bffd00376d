import HMMProtocol
import Testing

@testable import HMMOracle

@Suite struct TokenTests {
    private func row(_ text: String) throws -> [ServerLine.Pair] { try ServerLine("= \(text)").pairs }

    @Test func equalNeighboursAreCounted() {
        var list = TokenList()
        #expect(list.description == "")
        list.append("00", count: 2)
        list.append("00", count: 3)
        list.append("01", count: 0)
        list.append("mixed", count: 1)
        list.append("00", count: 65536)
        #expect(list.description == "00*5,mixed,00*65536")
        #expect(list.count == 65542)
        #expect(list.contains("mixed") && !list.contains("01"))
    }

    @Test(arguments: [
        ("kind=error", "ff:ERROR"), ("kind=none", "00:NONE"), ("kind=none order=9", "00:NONE"),
        ("kind=zero perm=r", "11:ZERO|READ"), ("kind=zero perm=r order=9", "05:READ|PMD"),
        ("kind=ram perm=r pfn=0x1", "01:READ"), ("kind=ram perm=rw", "02:WRITE"),
        ("kind=ram perm=r order=9", "05:READ|PMD"), ("kind=ram perm=rw order=9", "06:WRITE|PMD"),
        ("kind=private perm=r dev=d2", "21:PRIVATE_LOCAL|READ"), ("kind=private perm=rw", "22:PRIVATE_LOCAL|WRITE"),
        ("kind=coherent perm=r dev=d2", "41:COHERENT_LOCAL|READ"),
        ("kind=coherent perm=rw dev=d2", "42:COHERENT_LOCAL|WRITE"),
        ("kind=coherent perm=r dev=d3", "51:COHERENT_REMOTE|READ"),
        ("kind=coherent perm=rw dev=d3", "52:COHERENT_REMOTE|WRITE"),
    ])
    func map(_ text: String, _ token: String) throws { #expect(Token.map(try row(text), device: "d2") == token) }

    @Test(arguments: ["perm=r", "kind=ram", "kind=new perm=r", "kind=ram perm=x"])
    func rowsThatSayTooLittle(_ text: String) throws { #expect(Token.map(try row(text), device: "d2") == nil) }

    @Test func dataAndWrites() throws {
        #expect(Token.data(try row("byte=0a")) == "0a")
        #expect(Token.data(try row("mixed=yes")) == "mixed")
        #expect(Token.data(try row("fault=SEGV")) == "SEGV")
        #expect(Token.data(try row("va=0x0")) == nil)
        #expect(Token.written(try row("done=yes")) == "w")
        #expect(Token.written(try row("fault=BUS")) == "BUS")
        #expect(Token.written(try row("done=no")) == nil)
    }
}
