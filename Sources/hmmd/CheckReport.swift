import ArgumentParser
import HMMConfiguration
import HMMServer

/// What `hmmd --check` says.
struct CheckReport {
    private let errors: [SettingError]
    private let summary: String

    init(_ source: ConfigurationSource) {
        let (reading, errors) = source.check()
        self.errors = errors
        summary = reading.map { Self.summary($0.configuration, ignored: $0.given.unknownVariables) } ?? ""
    }

    /// A line for each error, on standard output as compilers' checks do, then exit status 1; or a summary.
    func print() throws {
        guard errors.isEmpty else {
            for error in errors { Swift.print(error) }
            throw ExitCode(1)
        }
        Swift.print(summary)
    }

    private static func summary(_ configuration: ServerConfiguration, ignored: [String]) -> String {
        var places: [String] = []
        if let tls = configuration.tls { places.append("TLS on \(tls.address), certificates \(tls.verification)") }
        if let path = configuration.unixSocket?.path { places.append("Unix socket \(path)") }
        if let port = configuration.plainLoopbackPort { places.append("127.0.0.1:\(port) without TLS") }
        let tenants = configuration.tenants
        let identities = configuration.identities
        return """
            good
            listens: \(places.joined(separator: "; "))
            tenants: \(tenants.listed.count) listed, others \(tenants.admitsUnlisted ? "allowed" : "refused")
            identities: \(identities.certificates?.count ?? 0) certificate rules, \(identities.tokens.count) tokens, \
            \(identities.peers?.count ?? 0) peer rules
            """ + warnings(configuration, ignored).map { "\nwarning: \($0)" }.joined()
    }

    /// What does no harm, and not what it was written for.
    private static func warnings(_ configuration: ServerConfiguration, _ ignored: [String]) -> [String] {
        var warnings = ignored.map { "no setting has the variable \($0)" }
        if !configuration.identities.tokens.isEmpty, configuration.tls == nil {
            warnings.append("there are tokens, and they are taken over TLS only, on which nothing listens")
        }
        if configuration.identities.peers != nil, configuration.unixSocket == nil {
            warnings.append("there are rules for peers, and no Unix socket for them to come in by")
        }
        return warnings
    }
}
