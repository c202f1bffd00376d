/// A certificate authority for trying things out, with certificates for a server and its tenants.
public enum TestCertificates {
    /// What `make` wrote.
    public struct Files: Equatable, Sendable {
        public struct Tenant: Equatable, Sendable {
            public var name: String
            public var certificate: String
            public var key: String
            /// Certificate and key in one file, as some tools want them.
            public var both: String
        }

        public var authority: String
        public var authorityKey: String
        public var serverCertificate: String
        public var serverKey: String
        public var tenants: [Tenant]

        /// Names of all files, in `directory`.
        init(in directory: String, tenants: [String]) {
            let prefix = directory.hasSuffix("/") ? directory : directory + "/"
            func path(_ name: String) -> String { prefix + name }
            authority = path("ca.pem")
            authorityKey = path("ca.key")
            serverCertificate = path("server.pem")
            serverKey = path("server.key")
            self.tenants = tenants.map { name in
                Tenant(
                    name: name, certificate: path("\(name).pem"), key: path("\(name).key"),
                    both: path("\(name)-both.pem"))
            }
        }

        var all: [String] {
            [authority, authorityKey, serverCertificate, serverKey]
                + tenants.flatMap { [$0.certificate, $0.key, $0.both] }
        }
    }

    /// Writes `ca`, `server` and one set per tenant as PEM files; the directory is created if missing. Keys are for
    /// their owner only from the moment they exist.
    ///
    /// - Parameters:
    ///   - serverNames: DNS names and IP addresses of the server.
    ///   - days: how long the certificates are valid; they are so from an hour ago, for clocks that differ.
    ///   - overwrite: replace files that exist.
    /// - Throws: `configuration` if a name is not legal, two files would have the same name, a file exists, or one
    ///   cannot be written.
    public static func make(
        in directory: String, serverNames: [String] = ["localhost", "127.0.0.1", "::1"], tenants: [String] = ["ci"],
        days: Int = 30, overwrite: Bool = false
    ) throws(TLSError) -> Files {
        let server = try alternativeNames(ofServer: serverNames)
        for name in tenants where !ClientIdentity.isLegalTenant(name) {
            throw TLSError(
                kind: .configuration("tenant '\(name)'"),
                reason: "a tenant has 1 to 32 characters of a-z 0-9 . -, the first a letter")
        }
        guard (1...3650).contains(days) else {
            throw TLSError(kind: .configuration("days \(days)"), reason: "must be 1 to 3650")
        }
        // Without this the files would land in the root directory.
        guard !directory.isEmpty else {
            throw TLSError(kind: .configuration("directory"), reason: "must be named")
        }
        let files = Files(in: directory, tenants: tenants)
        try checkPlan(files, overwrite: overwrite)
        let folder = try CertificateFolder(directory, overwrite: overwrite)

        let authority = try CertificateIssuer(days: days)
        try folder.write(authority.certificatePEM(), to: files.authority, isSecret: false)
        try folder.write(authority.keyPEM(), to: files.authorityKey, isSecret: true)

        let pair = try authority.issue(commonName: "hmmd test server", alternativeNames: server, usage: .server)
        try folder.write(pair.certificate, to: files.serverCertificate, isSecret: false)
        try folder.write(pair.key, to: files.serverKey, isSecret: true)

        for tenant in files.tenants {
            let pair = try authority.issue(
                commonName: tenant.name, alternativeNames: "URI:hmm://\(tenant.name)", usage: .client)
            try folder.write(pair.certificate, to: tenant.certificate, isSecret: false)
            try folder.write(pair.key, to: tenant.key, isSecret: true)
            try folder.write(pair.certificate + pair.key, to: tenant.both, isSecret: true)
        }
        return files
    }

    /// Before anything is written: a tenant called `server`, or one given twice, would replace another's files.
    private static func checkPlan(_ files: Files, overwrite: Bool) throws(TLSError) {
        var planned: Set<String> = []
        for file in files.all {
            guard planned.insert(file).inserted else {
                throw TLSError(kind: .configuration(file), reason: "two of the names given need this file")
            }
            if !overwrite, CertificateFolder.exists(file) {
                throw TLSError(kind: .configuration(file), reason: "exists already, and is not overwritten unless told")
            }
        }
    }

    /// In OpenSSL's notation, which separates by commas: hence the narrow alphabet.
    private static func alternativeNames(ofServer names: [String]) throws(TLSError) -> String {
        var entries: [String] = []
        for name in names {
            if CertificateFolder.isAddress(name) {
                entries.append("IP:\(name)")
            } else if isDNSName(name) {
                entries.append("DNS:\(name)")
            } else {
                throw TLSError(kind: .configuration("server name '\(name)'"), reason: "not a DNS name or IP address")
            }
        }
        guard !entries.isEmpty else {
            throw TLSError(kind: .configuration("server names"), reason: "at least one is needed")
        }
        return entries.joined(separator: ",")
    }

    private static func isDNSName(_ name: String) -> Bool {
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return (1...253).contains(name.utf8.count)
            && labels.enumerated().allSatisfy { index, label in
                if index == 0, label.elementsEqual("*".utf8), labels.count > 2 { return true }
                return (1...63).contains(label.count)
                    && label.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                            true
                        default: false
                        }
                    }
            }
    }
}
