import ArgumentParser
import HMMServer
import HMMTLS

/// `hmmd cert`: certificates for trying things out.
struct Cert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make certificates for trying things out.", subcommands: [Make.self])

    struct Make: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an authority, a server certificate and one certificate per tenant.",
            discussion: "Keys are not protected by a passphrase: for tests, not for production.")

        @Argument(
            help: ArgumentHelp("Where to put them; made if missing.", valueName: "dir"), completion: .directory)
        var directory: String

        @Option(
            name: .customLong("tenant"),
            help: ArgumentHelp("A tenant; can be given often; default ci.", valueName: "name"))
        var tenants: [String] = []

        @Option(
            name: .customLong("name"),
            help: ArgumentHelp(
                "A name or address of the server; can be given often; default localhost, 127.0.0.1, ::1.",
                valueName: "host"))
        var names: [String] = []

        @Option(help: "Days until they expire.")
        var days = 30

        @Flag(help: "Replace files that exist.")
        var force = false

        func run() throws {
            let files = try TestCertificates.make(
                in: directory, serverNames: names.isEmpty ? ["localhost", "127.0.0.1", "::1"] : names,
                tenants: tenants.isEmpty ? ["ci"] : tenants, days: days, overwrite: force)
            print("authority  \(files.authority)  \(files.authorityKey)")
            print("server     \(files.serverCertificate)  \(files.serverKey)")
            for tenant in files.tenants { print("tenant     \(tenant.certificate)  \(tenant.key)  \(tenant.both)") }
            printUse(files)
        }

        private func printUse(_ files: TestCertificates.Files) {
            print("\nServe:")
            print("  hmmd --cert \(files.serverCertificate) --key \(files.serverKey) --client-ca \(files.authority)")
            guard let tenant = files.tenants.first else { return }
            print("Talk to it as \(tenant.name):")
            print(
                "  ncat --ssl-verify --ssl-trustfile \(files.authority) --ssl-cert \(tenant.certificate)"
                    + " --ssl-key \(tenant.key) --ssl-alpn hmm/1 \(names.first ?? "localhost")"
                    + " \(ServerConfiguration.standardPort)")
        }
    }
}
