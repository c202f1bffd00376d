import Glibc
import Logging
import Testing

@testable import HMMServer

@Suite struct CaptiveServerTests {
    private func run(_ script: String, _ flags: [Setting: String] = [:]) async throws -> Int32 {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let environment = ["PATH": "/usr/bin:/bin", "TMPDIR": "/tmp"]
        let captive = CaptiveServer(flags: flags, environment: environment, logger: quiet)
        return try await captive.run(["/bin/sh", "-c", script])
    }

    @Test func theStatusIsTheCommands() async throws {
        #expect(try await run("exit 0") == 0)
        #expect(try await run("exit 37") == 37)
        #expect(try await run("kill -9 $$") == 128 + 9)
    }

    @Test func theCommandFindsItsServer() async throws {
        let script = """
            test "$HMMD_URI" = "hmms://localhost:$HMMD_PORT" && test -r "$HMMD_CA" && test -r "$HMMD_CERT" \
            && test -r "$HMMD_KEY" && test -r "$HMMD_CERT_AND_KEY" && test -r "$HMMD_CERT_2" && test -r "$HMMD_KEY_2" \
            && test "$HMMD_HOST" = localhost && case "$HMMD_PLAIN_URI" in hmm://127.0.0.1:*) exit 5 ;; esac
            """
        #expect(try await run(script, [.plainLoopback: "0"]) == 5)
    }

    @Test func theFolderIsPrivateAndGoesAway() async throws {
        let mark = "/tmp/hmmd-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(mark) }
        let script = "dirname \"$HMMD_CA\" > \(mark); test \"$(stat -c %a \"$(dirname \"$HMMD_CA\")\")\" = 700"
        #expect(try await run(script) == 0)
        var path = [CChar](repeating: 0, count: 256)
        let file = open(mark, O_RDONLY)
        defer { close(file) }
        let count = read(file, &path, 255)
        #expect(count > 1)
        path[max(0, count - 1)] = 0
        #expect(access(path, F_OK) != 0)
    }

    @Test func signalsOfTheServerAreNotInherited() async throws {
        // Ends by SIGPIPE only if that is neither ignored nor blocked.
        #expect(try await run("kill -PIPE $$; exit 1") == 128 + SIGPIPE)
    }

    @Test func aMissingCommandIsReported() async throws {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let captive = CaptiveServer(flags: [:], environment: [:], logger: quiet)
        await #expect(throws: SpawnError.self) { try await captive.run(["/no/such/program"]) }
    }
}
