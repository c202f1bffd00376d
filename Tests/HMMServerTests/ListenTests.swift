import Foundation
import Glibc
import Testing

@testable import HMMServer

@Suite struct ListenTests {
    @Test func aUnixSocketServesTheLocalTenant() async throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        let path = "\(folder.path)/hmmd.sock"
        try await TestServer.run({ $0.unixSocket = .init(path: path) }) { fixture in
            #expect(fixture.server.addresses.unixPaths == [path])
            var status = stat()
            #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            let client = try TestClient(.unix(path))
            #expect(try await client.line().hasPrefix("* HMM/1 auth=local "))
            #expect(try await client.ask("hello").contains("tenant=local"))
            try await client.send("ping", "quit")
            #expect(try await client.ending().text == "+\n+\n* bye QUIT\n")
        }
        #expect(access(path, F_OK) != 0)
    }

    @Test func aSocketInUseIsLeftAloneAndAStaleOneReplaced() async throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        let path = "\(folder.path)/hmmd.sock"
        var unixSocket = ServerConfiguration.UnixSocket(path: path)
        unixSocket.mode = 0o666
        let stale = try UnixSocketFile(unixSocket)
        close(stale.descriptor)
        try await TestServer.run({ $0.unixSocket = unixSocket }) { fixture in
            var status = stat()
            #expect(lstat(path, &status) == 0 && status.st_mode & 0o777 == 0o666)
            #expect(throws: ListenError.unavailable(path, reason: "another server listens there")) {
                try UnixSocketFile(unixSocket)
            }
            let client = try TestClient(.unix(path))
            #expect(try await client.line().hasPrefix("* HMM/1"))
        }
    }

    @Test func anothersFileIsNotRemoved() throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        let path = "\(folder.path)/hmmd.sock"
        let ours = try UnixSocketFile(.init(path: path))
        unlink(path)
        let theirs = try UnixSocketFile(.init(path: path))
        ours.remove()
        #expect(access(path, F_OK) == 0)
        theirs.remove()
        #expect(access(path, F_OK) != 0)
        close(ours.descriptor)
        close(theirs.descriptor)
    }

    @Test func aFileInTheWayIsNotRemoved() throws {
        let folder = try PrivateFolder(under: "/tmp")
        defer { folder.remove() }
        let path = "\(folder.path)/precious"
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: ListenError.self) { try UnixSocketFile(.init(path: path)) }
        #expect(access(path, F_OK) == 0)
        let long = String(repeating: "x", count: 200)
        #expect(throws: ListenError.self) { try UnixSocketFile(.init(path: long)) }
    }

    @Test func plainLoopbackServesTheLocalTenant() async throws {
        try await TestServer.run({ $0.plainLoopbackPort = 0 }) { fixture in
            let address = try #require(fixture.server.addresses.plainLoopback)
            #expect(address.host == "127.0.0.1")
            let client = try TestClient(.tcp(address.port))
            #expect(try await client.line().hasPrefix("* HMM/1 auth=local "))
            try await client.send(bytes: (0..<1000).flatMap { Array("#\($0) ping\n".utf8) })
            for number in 0..<1000 { #expect(try await client.line() == "+\(number)") }
            try await client.send("mm.create")
            try await client.endOutput()
            #expect(try await client.ending().text == "+ mm=1\n")
        }
    }

    /// A web page's form posted to our port, with requests in its body.
    @Test func browsersAreTurnedAway() async throws {
        try await TestServer.run({ $0.plainLoopbackPort = 0 }) { fixture in
            let port = try #require(fixture.server.addresses.plainLoopback?.port)
            let client = try TestClient(.tcp(port))
            #expect(try await client.line().hasPrefix("* HMM/1"))
            try await client.sendRaw("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nmm.create\n")
            #expect(try await client.ending().text == "")
        }
    }

    @Test func aNameIsListenedOnInEveryFamily() async throws {
        try await TestServer.run({ $0.tls?.address = HostPort(host: "localhost", port: 0) }) { fixture in
            let addresses = fixture.server.addresses.tls
            #expect(addresses.contains { $0.host == "127.0.0.1" })
            #expect(Set(addresses.map(\.port)).count == 1)
            let late = try await fixture.client()
            #expect(try await late.ask("ping") == "+")
        }
    }

    /// Else all of IPv4 would be one address to the bound of connections from one address.
    @Test func anIPv4AddressInAnIPv6SocketIsItself() throws {
        func address(_ host: String) throws -> SocketAddress {
            try #require(try AddressResolver.resolve(HostPort(host: host, port: 7423)).first)
        }
        let wrapped = try address("::ffff:192.0.2.1")
        #expect(wrapped == (try address("192.0.2.1")))
        #expect(wrapped.description == "192.0.2.1:7423" && wrapped.domain == AF_INET)
        #expect(wrapped.prefix != (try address("::ffff:192.0.2.2")).prefix)
        #expect(try address("::1").family == .v6)
        #expect(try address("::").isEveryAddress)
        #expect(try !address("::1").isEveryAddress)
    }

    @Test func aPortInUseIsReported() async throws {
        try await TestServer.run { fixture in
            let taken = HostPort(host: "127.0.0.1", port: fixture.port)
            let second = try TestServer { $0.tls?.address = taken }
            await #expect(throws: ListenError.unavailable("\(taken)", reason: "Address already in use")) {
                try await second.server.start()
            }
            await second.server.stop(isPatient: false)
        }
    }

    @Test func anUnknownHostIsReported() async throws {
        let fixture = try TestServer { $0.tls?.address = HostPort(host: "no-such-host.invalid", port: 0) }
        await #expect(throws: ListenError.self) { try await fixture.server.start() }
        await fixture.server.stop(isPatient: false)
    }

    @Test func connectionsBeyondTheBoundAreClosedAtOnce() async throws {
        try await TestServer.run({ $0.maxConnections = 3 }) { fixture in
            var clients = try await (0..<3).asyncMap { _ in try await fixture.client() }
            let turnedAway = try TestClient(.tcp(fixture.port))
            #expect(try await turnedAway.ending().text == "")
            clients.removeLast()
            try await fixture.wait { fixture.server.context.admission.count == 2 }
            let late = try await fixture.client()
            #expect(try await late.ask("ping") == "+")
        }
    }

    /// Those who only connect get half of the places, and the others are for who shows what it is.
    @Test func strangersDoNotTakeEveryPlace() async throws {
        try await TestServer.run({ $0.maxConnections = 4 }) { fixture in
            let admission = fixture.server.context.admission
            var silent = try (0..<2).map { _ in try TestClient(.tcp(fixture.port)) }
            try await fixture.wait { admission.count == 2 }
            #expect(try await TestClient(.tcp(fixture.port)).ending().text == "")
            try await fixture.wait { fixture.log.contains("reason=\"too many connections that are not let in yet\"") }
            silent.removeLast()
            try await fixture.wait { admission.count == 1 }
            let clients = try await (0..<3).asyncMap { _ in try await fixture.client() }
            for client in clients { #expect(try await client.ask("ping") == "+") }
            #expect(admission.count == 4)
            try await clients[0].send("quit")
            _ = try await clients[0].ending()
            try await clients[0].endOutput()
            try await fixture.wait { admission.count == 3 }
            let late = try await fixture.client()
            #expect(try await late.ask("ping") == "+")
        }
    }

    /// Who has gone without a word is noticed: the kernel is told to ask, and when to give up.
    @Test(
        arguments: [(Duration.seconds(40), 20, 5, 40_000), (.zero, nil, nil, 0)] as [(Duration, Int32?, Int32?, Int32)])
    func peersOutOfReachAreNoticed(patience: Duration, idle: Int32?, interval: Int32?, failure: Int32) async throws {
        try await TestServer.run({ $0.patience.unreachable = patience }) { fixture in
            let client = try await fixture.client()
            let port = try #require(client.localPort)
            let descriptor = try #require(Self.accepted(from: port))
            func option(_ level: Int32, _ name: Int32) -> Int32 {
                var value: Int32 = -1
                var length = socklen_t(MemoryLayout<Int32>.size)
                getsockopt(descriptor, level, name, &value, &length)
                return value
            }
            let tcp = Int32(IPPROTO_TCP)
            #expect(option(SOL_SOCKET, SO_KEEPALIVE) == 1)
            #expect(option(tcp, TCP_USER_TIMEOUT) == failure)
            if let idle { #expect(option(tcp, TCP_KEEPIDLE) == idle) }
            if let interval { #expect(option(tcp, TCP_KEEPINTVL) == interval) }
        }
    }

    /// The server's end of a connection within this process.
    private static func accepted(from port: UInt16) -> Int32? {
        (3..<65_536).first { SocketAddress(of: $0, getpeername)?.port == port }
    }

    /// A table that grows while there are threads makes accept(2) wait.
    @Test func theTableOfDescriptorsIsLargeFromTheBeginning() throws {
        let limit = DescriptorLimit.raise(to: 3000)
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("FDSize:") })
        let size = try #require(line.split(separator: "\t").last.flatMap { Int($0) })
        #expect(size >= min(limit, 3000))
    }
}
