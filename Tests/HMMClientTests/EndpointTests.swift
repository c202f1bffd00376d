import HMMClient
import Testing

@Suite struct EndpointTests {
    @Test(arguments: [
        ("hmms://example.org", Endpoint.tls(host: "example.org", port: 7423)),
        ("hmms://example.org:99/", .tls(host: "example.org", port: 99)),
        ("example.org:99", .tls(host: "example.org", port: 99)),
        ("localhost", .tls(host: "localhost", port: 7423)),
        ("hmms://[::1]:99", .tls(host: "::1", port: 99)),
        ("hmms://[::1]", .tls(host: "::1", port: 7423)),
        ("::1", .tls(host: "::1", port: 7423)),
        ("hmm://localhost:99", .plain(host: "localhost", port: 99)),
        ("hmm://127.0.0.2", .plain(host: "127.0.0.2", port: 7423)),
        ("hmm+unix:///run/hmmd/socket", .unix(path: "/run/hmmd/socket")),
    ])
    func legal(_ uri: String, _ endpoint: Endpoint) throws {
        #expect(try Endpoint(uri) == endpoint)
        #expect(try Endpoint(endpoint.description) == endpoint)
    }

    @Test(arguments: [
        "", "hmms://", "hmms://:99", "hmms://host:0", "hmms://host:65536", "hmms://host:x", "http://host",
        "hmm://example.org", "hmm+unix://relative", "hmms://host/path", "hmms://me@host", "hmms://[::1]x",
    ])
    func illegal(_ uri: String) {
        #expect(throws: ClientError.self) { try Endpoint(uri) }
    }
}
