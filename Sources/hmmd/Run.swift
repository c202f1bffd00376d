import ArgumentParser
import Foundation
import HMMServer
import Logging

/// `hmmd run`: a server for the time of one command.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve only while a command runs.",
        discussion: """
            Makes throw-away certificates and a server on a free port of 127.0.0.1, runs the command, and ends with \
            its exit status. The command finds the server in its environment: HMMD_URI, HMMD_HOST, HMMD_PORT, HMMD_CA, \
            HMMD_CERT, HMMD_KEY and HMMD_CERT_AND_KEY of tenant `ci`, HMMD_CERT_2 and HMMD_KEY_2 of tenant `other`; \
            with --plain-loopback and --unix also HMMD_PLAIN_URI and HMMD_UNIX.

            The flags are those of `hmmd serve`, but for --listen, --cert, --key, --client-ca and --client-crl, which \
            it has its own of. When the command has ended, so has the time of clients: --drain-seconds does nothing. \
            Variables about another server are not read.

              hmmd run -- pytest tests
            """)

    @OptionGroup var options: ServerOptions

    @Argument(parsing: .postTerminator, help: "The command and its arguments, after --.")
    var command: [String] = []

    func run() async throws { try await Self.run(command, options) }

    static func run(_ command: [String], _ options: ServerOptions) async throws {
        guard !command.isEmpty else { throw ValidationError("give a command after --") }
        let own: [Setting] = [.listen, .cert, .key, .clientCA, .clientCRL]
        if let given = own.first(where: { options.given[$0] != nil }) {
            throw ValidationError("\(given.flag): this server listens on a port and has certificates of its own")
        }
        HeapPolicy.apply()
        let logger = try ServerOptions.logger(options.logLevel, default: .warning)
        let captive = CaptiveServer(
            flags: options.given, environment: ProcessInfo.processInfo.environment, logger: logger)
        throw ExitCode(try await captive.run(command))
    }
}
