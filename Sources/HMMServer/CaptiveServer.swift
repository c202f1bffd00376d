internal import Glibc
internal import HMMTLS
public import Logging
internal import UnixSignals

/// A server for the time of one command, with certificates and a port of its own: for tests and for trying out.
public struct CaptiveServer: Sendable {
    /// The command sees its server as these tenants.
    private static let tenants = ["ci", "other"]

    /// What was given on the command line. Where to listen and certificates are set here; variables are not read, so
    /// that the settings of another server do not leak in.
    private let flags: [Setting: String]
    private let environment: [String: String]
    private let logger: Logger

    /// - Parameter environment: what the command gets besides the variables about the server.
    public init(flags: [Setting: String], environment: [String: String], logger: Logger) {
        self.flags = flags
        self.environment = environment
        self.logger = logger
    }

    /// Starts the server, runs the command, stops the server. Returns the command's exit status, 128 + n if signal n
    /// ended it. SIGINT, SIGTERM and SIGHUP are passed on to the command.
    ///
    /// - Throws: `SettingError`, `SettingErrors`, `TLSError`, `ListenError` or `SpawnError` if it does not come to
    ///   that.
    public func run(_ command: [String]) async throws -> Int32 {
        let folder = try PrivateFolder(under: environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp")
        defer { folder.remove() }
        let files = try TestCertificates.make(in: folder.path, tenants: Self.tenants, days: 1)
        let server = try Server(configuration(files), logger: logger)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        do {
            try await server.start()
            let child = try ChildProcess(command, environment: variables(of: server, files))
            let relay = Task { for await signal in signals { Self.relay(signal, to: child) } }
            let status = await child.wait()
            relay.cancel()
            await server.stop(isPatient: false)
            return status
        } catch {
            await server.stop(isPatient: false)
            throw error
        }
    }

    private func configuration(_ files: TestCertificates.Files) throws(SettingErrors) -> ServerConfiguration {
        var settings = flags
        settings[.listen] = "127.0.0.1:0"
        settings[.cert] = files.serverCertificate
        settings[.key] = files.serverKey
        settings[.clientCA] = files.authority
        return try ServerConfiguration(GivenSettings(flags: settings, environment: [:]))
    }

    private func variables(of server: Server, _ files: TestCertificates.Files) -> [String: String] {
        let addresses = server.addresses
        let port = addresses.tls.first?.port ?? 0
        var variables = environment
        variables["PATH"] = Self.searchPath(environment["PATH"])
        variables["HMMD_URI"] = "hmms://localhost:\(port)"
        variables["HMMD_HOST"] = "localhost"
        variables["HMMD_PORT"] = "\(port)"
        variables["HMMD_CA"] = files.authority
        variables["HMMD_CERT"] = files.tenants[0].certificate
        variables["HMMD_KEY"] = files.tenants[0].key
        variables["HMMD_CERT_AND_KEY"] = files.tenants[0].both
        variables["HMMD_CERT_2"] = files.tenants[1].certificate
        variables["HMMD_KEY_2"] = files.tenants[1].key
        if let plain = addresses.plainLoopback { variables["HMMD_PLAIN_URI"] = "hmm://\(plain)" }
        if let path = addresses.unixPaths.first { variables["HMMD_UNIX"] = path }
        return variables
    }

    /// With the folder of this program first: its client is there, too.
    private static func searchPath(_ path: String?) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &buffer, Int(PATH_MAX))
        guard count > 0 else { return path ?? "" }
        let program = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = program.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return [folder, path].compactMap { $0 }.joined(separator: ":")
    }

    private static func relay(_ signal: UnixSignal, to child: ChildProcess) {
        let number =
            switch signal {
            case .sigint: SIGINT
            case .sighup: SIGHUP
            default: SIGTERM
            }
        // What is typed at the terminal has reached the command already: it is in our process group.
        if number == SIGINT, isInForeground { return }
        child.send(signal: number)
    }

    private static var isInForeground: Bool {
        let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        guard terminal >= 0 else { return false }
        defer { close(terminal) }
        return tcgetpgrp(terminal) == getpgrp()
    }
}
