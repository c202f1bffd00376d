/// Everything about a server that can be set by a flag or in the environment.
public enum Setting: String, CaseIterable, Sendable {
    case listen, cert, key, verify, unix, loops, linger
    case clientCA = "client-ca"
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
    case handshakeTimeout = "handshake-timeout"
    case lineTimeout = "line-timeout"
    case idleTimeout = "idle-timeout"
    case drainSeconds = "drain-seconds"
    case record
    case recordBytes = "record-bytes"
    case recordFiles = "record-files"
    case recordSync = "record-sync"
    case recordOutput = "record-output"
    case logLevel = "log-level"

    public var flag: String { "--\(rawValue)" }

    /// `HMMD_CLIENT_CA` for `--client-ca`.
    public var variable: String { "HMMD_" + String(rawValue.uppercased().map { $0 == "-" ? "_" : $0 }) }
}

/// A setting that cannot be used. The description names the flag or the variable, and says what is expected.
public struct SettingError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// What was given for the settings; a flag wins over a variable, and an empty variable counts as absent.
public struct GivenSettings: Sendable {
    private let flags: [Setting: String]
    private let environment: [String: String]

    public init(flags: [Setting: String], environment: [String: String]) {
        self.flags = flags
        self.environment = environment
    }

    public subscript(_ setting: Setting) -> String? {
        flags[setting] ?? environment[setting.variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The value as `parse` reads it; nil when nothing was given.
    ///
    /// - Throws: `SettingError` if `parse` returns nil.
    func value<T>(_ setting: Setting, _ expected: String, _ parse: (String) -> T?) throws(SettingError) -> T? {
        guard let text = self[setting] else { return nil }
        guard let value = parse(text) else {
            let source = flags[setting] == nil ? setting.variable : setting.flag
            throw SettingError("\(source) '\(text)': expected \(expected)")
        }
        return value
    }
}
