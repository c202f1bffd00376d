/// Everything about a server that can be set by a flag, in the environment, or under `server:` in its file.
public enum Setting: String, CaseIterable, Sendable {
    case listen, cert, key, verify, unix, loops, linger
    case clientCA = "client-ca"
    case clientCRL = "client-crl"
    case tlsMin = "tls-min"
    case requireALPN = "require-alpn"
    case anonymousTenant = "anonymous-tenant"
    case unixMode = "unix-mode"
    case plainLoopback = "plain-loopback"
    case localTenant = "local-tenant"
    case tenantMemory = "tenant-memory"
    case without
    case enforceLicence = "enforce-licence"
    case maxConnections = "max-connections"
    case maxConnectionsPerAddress = "max-connections-per-address"
    case maxBuffered = "max-buffered"
    case maxTenants = "max-tenants"
    case maxKeptTenants = "max-kept-tenants"
    case keptMemory = "kept-memory"
    case handshakeTimeout = "handshake-timeout"
    case lineTimeout = "line-timeout"
    case idleTimeout = "idle-timeout"
    case unreachableTimeout = "unreachable-timeout"
    case drainSeconds = "drain-seconds"
    case record
    case recordBytes = "record-bytes"
    case recordFiles = "record-files"
    case recordSync = "record-sync"
    case recordOutput = "record-output"
    case recordOnRequest = "record-on-request"
    case logLevel = "log-level"
    case metrics
    case admin

    public var flag: String { "--\(rawValue)" }

    /// `HMMD_CLIENT_CA` for `--client-ca`.
    public var variable: String { "HMMD_" + String(rawValue.uppercased().map { $0 == "-" ? "_" : $0 }) }
}

/// A place in a file, written as compilers do: `hmmd.yaml:3:9`. Lines and columns count from 1, columns in characters.
public struct FilePlace: Hashable, Sendable, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    public var description: String { "\(file):\(line):\(column)" }
}

/// A setting that cannot be used. The description names the place, the flag or the variable, and says what is expected.
public struct SettingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// In which file and where; nil for flags, variables, and what is missing everywhere.
    public let place: FilePlace?
    public let text: String

    public init(_ text: String, at place: FilePlace? = nil) {
        self.text = text
        self.place = place
    }

    public var description: String { place.map { "\($0): \(text)" } ?? text }
}

/// All that is wrong with what was given, a line each, what comes first in a file first.
public struct SettingErrors: Error, Equatable, Sendable, CustomStringConvertible {
    public let errors: [SettingError]

    public init(_ errors: [SettingError]) {
        // Those without a place have a line of their own: the last.
        self.errors = errors.enumerated().sorted { a, b in
            (a.element.place?.line ?? .max, a.element.place?.column ?? 0, a.offset)
                < (b.element.place?.line ?? .max, b.element.place?.column ?? 0, b.offset)
        }.map(\.element)
    }

    public var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// What was given for the settings. A flag wins over a variable, a variable over the file; an empty variable counts as
/// absent.
public struct GivenSettings: Sendable {
    /// A value with its place in a file.
    public struct FileValue: Equatable, Sendable {
        public var text: String
        public var place: FilePlace

        public init(_ text: String, at place: FilePlace) {
            self.text = text
            self.place = place
        }
    }

    private let flags: [Setting: String]
    private let environment: [String: String]
    private let file: [Setting: FileValue]

    public init(flags: [Setting: String], environment: [String: String], file: [Setting: FileValue] = [:]) {
        self.flags = flags
        self.environment = environment
        self.file = file
    }

    public subscript(_ setting: Setting) -> String? { flags[setting] ?? variable(setting) ?? file[setting]?.text }

    private func variable(_ setting: Setting) -> String? {
        environment[setting.variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Variables of programs that talk to a server, which may run in the same environment.
    private static let others: Set<String> = [
        "HMMD_URI", "HMMD_PLAIN_URI", "HMMD_HOST", "HMMD_PORT", "HMMD_CA", "HMMD_CERT_AND_KEY", "HMMD_CERT_2",
        "HMMD_KEY_2", "HMMD_TOKEN", "HMMD_TOKEN_2", "HMMD_TOKEN_FILE", "HMMD_CONFIG",
    ]

    /// Variables that look like settings and are none.
    public var unknownVariables: [String] {
        let known = Self.others.union(Setting.allCases.map(\.variable))
        return environment.keys.filter { $0.hasPrefix("HMMD_") && !known.contains($0) }.sorted()
    }

    /// Where the value in use stands, if that is in a file.
    public func place(_ setting: Setting) -> FilePlace? {
        flags[setting] == nil && variable(setting) == nil ? file[setting]?.place : nil
    }

    /// The setting as whoever gave it calls it.
    public func name(_ setting: Setting) -> String {
        if flags[setting] != nil { return setting.flag }
        if variable(setting) != nil { return setting.variable }
        return file[setting] != nil ? setting.rawValue : setting.flag
    }
}

/// Reads given settings and keeps what is wrong with them, so that all of it can be told at once.
struct SettingReader {
    let given: GivenSettings
    private(set) var errors: [SettingError] = []

    init(_ given: GivenSettings) { self.given = given }

    func has(_ setting: Setting) -> Bool { given[setting] != nil }

    func text(_ setting: Setting) -> String? { given[setting] }

    /// The value as `parse` reads it; nil when nothing was given, or nothing that can be read.
    mutating func value<T>(_ setting: Setting, _ parse: (String) -> T?) -> T? {
        guard let text = given[setting] else { return nil }
        if let value = parse(text) { return value }
        refuse(setting, "'\(text)': expected \(setting.spec.form)")
        return nil
    }

    /// Notes that a setting, though well formed, cannot be had.
    ///
    /// - Parameter cause: the settings that make it wanted, one of which has a place where it has none itself.
    mutating func refuse(_ setting: Setting, _ reason: String, cause: [Setting] = []) {
        refuse("\(given.name(setting)) \(reason)", cause: [setting] + cause)
    }

    mutating func refuse(_ reason: String, cause: [Setting] = []) {
        errors.append(SettingError(reason, at: cause.compactMap { given.place($0) }.first))
    }
}
