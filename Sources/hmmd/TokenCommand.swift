import ArgumentParser
import HMMServer
import HMMTLS

/// `hmmd token`: tokens for clients without certificates.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make tokens for clients without certificates.", subcommands: [Make.self])

    struct Make: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token, and the lines of the configuration that let it in.",
            discussion: "The token is shown this once; the configuration has a hash of it.")

        @Option(help: ArgumentHelp("Whose it is, for people.", valueName: "text"))
        var name: String?

        @Option(help: ArgumentHelp("The tenant it belongs to.", valueName: "name"))
        var tenant = "ci"

        @Option(help: ArgumentHelp("What it may do; default what the tenant says.", valueName: "role"))
        var role: String?

        func run() throws {
            guard ServerConfiguration.tenantName(tenant) != nil else {
                throw ValidationError("--tenant '\(tenant)': expected 1 to 32 characters of a-z 0-9 . -")
            }
            let token = try Token()
            let hash = try ScryptHash(Array(token.secret.utf8))
            print("The token, for the client:\n\n  \(token.text)\n\nUnder identities: tokens: in the configuration:\n")
            print("    - id: \(token.id)\n      hash: '\(hash)'\n      tenant: \(tenant)")
            if let role { print("      role: \(role)") }
            if let name { print("      name: '\(name.filter { $0 != "\n" }.replacing("'", with: "''"))'") }
        }
    }
}
