import ArgumentParser
import HMMEngine

/// The command line of the server.
@main
struct Hmmd: AsyncParsableCommand {
    static let version = Engine.version

    static let configuration = CommandConfiguration(
        commandName: "hmmd",
        abstract: "Device memory as a service: Linux heterogeneous memory management over TLS.",
        version: version,
        subcommands: [
            Serve.self, Run.self, ReplayCommand.self, TranscriptCommand.self, Cert.self, TokenCommand.self,
        ],
        defaultSubcommand: Serve.self)
}
