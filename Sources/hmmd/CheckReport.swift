import ArgumentParser
import HMMConfiguration
import HMMServer

/// What `hmmd --check` says.
struct CheckReport {
    private let errors: [SettingError]
    private let summary: String

    init(_ source: ConfigurationSource) {
        do throws(SettingErrors) {
            let reading = try source.read()
            errors = reading.configuration.unusableFiles(reading.given)
            summary = Self.summary(reading.configuration, ignored: reading.given.unknownVariables)
        } catch {
            errors = error.errors
            summary = ""
        }
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
            """ + (ignored.isEmpty ? "" : "\nignored: no setting has \(ignored.joined(separator: ", "))")
    }
}
