import ArgumentParser
import Foundation
import HMMServer
import Logging

/// `hmmd serve`, and `hmmd` alone.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve until told to stop.",
        discussion: """
            Every flag with a value can also be given in the environment, as HMMD_ and the flag's name in capitals \
            with _ for -: HMMD_LISTEN, HMMD_CERT, HMMD_CLIENT_CA, HMMD_REQUIRE_ALPN=yes. Flags win.

            The tenant of a client is the first hmm://TENANT among its certificate's alternative names, else the \
            certificate's common name.

            SIGHUP reads certificate, key and client CA again. SIGTERM and SIGINT let clients finish; a second one \
            stops at once.
            """)

    @OptionGroup var options: ServerOptions

    @Option(
        help: ArgumentHelp(
            "Serve only while this shell command runs.",
            discussion: "The same as `hmmd run -- /bin/sh -c COMMAND`; see there.", valueName: "command"))
    var run: String?

    @Option(
        defaultAsFlag: DumpFormat.json,
        help: ArgumentHelp("Print the protocol and exit: json or markdown.", valueName: "format"))
    var dumpProtocol: DumpFormat?

    enum DumpFormat: String, ExpressibleByArgument {
        case json, markdown
    }

    func run() async throws {
        if let dumpProtocol {
            switch dumpProtocol {
            case .json: print(try ProtocolDump.json())
            case .markdown: print(ProtocolDump.markdown(), terminator: "")
            }
            return
        }
        if let run { return try await Run.run(["/bin/sh", "-c", run], options) }
        HeapPolicy.apply()
        let given = GivenSettings(flags: options.given, environment: ProcessInfo.processInfo.environment)
        let logger = try ServerOptions.logger(given[.logLevel], default: .info)
        let configuration = try ServerConfiguration(given)
        let room = DescriptorLimit.raise(for: configuration.maxConnections)
        if room < configuration.maxConnections, given[.maxConnections] != nil {
            logger.warning(
                "the limit of open files is below --max-connections",
                metadata: ["max-connections": "\(configuration.maxConnections)", "room": "\(room)"])
        }
        let server = try Server(configuration, logger: logger)
        try await server.runUntilSignal()
    }
}
