import Testing

@testable import HMMServer

@Suite("Requests for metrics")
struct HTTPRequestTests {
    private func read(_ text: String) -> HTTPRequest? { HTTPRequest(Array(text.utf8)[...]) }

    @Test("A head ends with an empty line, of either kind")
    func heads() {
        func head(_ text: String) -> String? {
            HTTPRequest.head(of: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(head("") == nil)
        #expect(head("GET / HTTP/1.1\r\nA: b\r\n") == nil)
        #expect(head("GET / HTTP/1.1\r\nA: b\r\n\r\nbody") == "GET / HTTP/1.1\r\nA: b\r\n")
        #expect(head("GET / HTTP/1.1\n\n") == "GET / HTTP/1.1\n")
        #expect(head("\r\nGET / HTTP/1.1\r\n\r\n") == "GET / HTTP/1.1\r\n")
        #expect(head("\r\n\r\n") == nil)
    }

    @Test("Method, path without its query, and whether there is a body")
    func parts() {
        let plain = read("GET /livez?verbose HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n")
        #expect(plain?.method == "GET")
        #expect(plain?.path == "/livez")
        #expect(plain?.hasBody == false)
        #expect(read("HEAD / HTTP/1.0\n")?.method == "HEAD")
        #expect(read("POST / HTTP/1.1\r\ncontent-length: 10\r\n")?.hasBody == true)
        #expect(read("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n")?.hasBody == true)
    }

    @Test(
        "What is no request",
        arguments: [
            "", "nonsense\r\n", "GET /\r\n", "GET  / HTTP/1.1\r\n", "GET / HTTP/2\r\n", "GET / HTTP/1.1 \r\n",
            "G\u{0}T / HTTP/1.1\r\n", "GET /\u{1} HTTP/1.1\r\n", "GET / HTTP/1.1\r\nno colon\r\n",
            "GET / HTTP/1.1\r\n: no name\r\n", "GET / HTTP/1.1\r\nA : b\r\n", "GET / HTTP/1.1\r\nA: b\r\n folded\r\n",
        ])
    func malformed(_ text: String) { #expect(read(text) == nil) }
}
