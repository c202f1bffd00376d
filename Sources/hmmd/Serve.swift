import ArgumentParser
import Foundation
import HMMConfiguration
import HMMServer
import Logging

/// `hmmd serve`, and `hmmd` alone.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve until told to stop.",
        discussion: """
            Every flag with a value can also be given in the environment, as HMMD_ and the flag's name in capitals \
            with _ for -: HMMD_LISTEN, HMMD_CERT, HMMD_CLIENT_CA, HMMD_REQUIRE_ALPN=yes; or in a file, under \
            `server:`. Flags win over variables, variables over the file. The file also says which tenants there are \
            and who belongs to them: docs/configuration.md.

            Unless the file says otherwise, the tenant of a client is the first hmm://TENANT among its certificate's \
            alternative names, else the certificate's common name.

            SIGHUP reads the file and the certificates again. SIGTERM and SIGINT let clients finish; a second one \
            stops at once.
            """)

    @OptionGroup var options: ServerOptions

    @Option(
        help: ArgumentHelp(
            "Read settings, tenants and identities from this file; or HMMD_CONFIG.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Flag(help: "Say what is wrong with flags, variables, file and certificates, if anything, and exit.")
    var check = false

    @Option(
        help: ArgumentHelp(
            "Serve only while this shell command runs.",
            discussion: "The same as `hmmd run -- /bin/sh -c COMMAND`; see there.", valueName: "command"))
    var run: String?

    @Option(
        defaultAsFlag: DumpFormat.json,
        help: ArgumentHelp("Print the protocol and exit: json or markdown.", valueName: "format"))
    var dumpProtocol: DumpFormat?

    @Flag(help: "Print the manual of the configuration, given on standard input, with its tables made anew, and exit.")
    var dumpConfiguration = false

    enum DumpFormat: String, ExpressibleByArgument {
        case json, markdown
    }

    func validate() throws {
        if run != nil, config != nil || check {
            throw ValidationError("--run serves on certificates of its own; it takes no --config and no --check")
        }
    }

    func run() async throws {
        if let dumpProtocol {
            switch dumpProtocol {
            case .json: print(try ProtocolDump.json())
            case .markdown: print(ProtocolDump.markdown(), terminator: "")
            }
            return
        }
        if dumpConfiguration {
            let manual = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
            return print(ConfigurationDocument.regenerated(document: manual), terminator: "")
        }
        if let run { return try await Run.run(["/bin/sh", "-c", run], options) }
        let source = ConfigurationSource(
            file: config ?? environment["HMMD_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }, flags: options.given,
            environment: environment)
        if check { return try CheckReport(source).print() }
        HeapPolicy.apply()
        let reading = try source.read()
        let (configuration, given) = (reading.configuration, reading.given)
        let logger = try ServerOptions.logger(given[.logLevel], default: .info)
        let unknown = given.unknownVariables
        if !unknown.isEmpty {
            logger.warning(
                "variables that no setting has", metadata: ["names": "\(unknown.joined(separator: ","))"])
        }
        let server = try Server(
            configuration, logger: logger, inherited: try InheritedSockets(environment: environment),
            notifier: ServiceNotifier(environment: environment)
        ) { try source.read().configuration }
        try await server.runUntilSignal()
    }

    private var environment: [String: String] { ProcessInfo.processInfo.environment }
}
