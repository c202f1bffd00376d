internal import HMMEngine
public import HMMProtocol
internal import HMMTLS
internal import Logging

extension ServerConfiguration {
    /// The port that hmmd listens on unless told otherwise.
    public static let standardPort: UInt16 = 7423

    /// The configuration that the settings ask for.
    ///
    /// - Parameters:
    ///   - tenants: what each tenant is given; the settings for all tenants hold besides.
    ///   - identities: who clients are by what they show.
    /// - Throws: everything that is malformed, or that together makes no safe server.
    public init(
        _ given: GivenSettings, tenants: TenantTable = TenantTable(), identities: IdentityRules = IdentityRules()
    ) throws(SettingErrors) {
        var reader = SettingReader(given)
        self.init(localTenant: Self.tenant(&reader, .localTenant) ?? ShortName("local") ?? .none)
        self.identities = identities
        tls = Self.tls(&reader, identities)
        if let path = reader.value(.unix, Self.socketPath) {
            var socket = UnixSocket(path: path)
            let parse: (String) -> UInt32? = { text in UInt32(text, radix: 8).flatMap { $0 <= 0o777 ? $0 : nil } }
            if let mode = reader.value(.unixMode, parse) { socket.mode = mode }
            unixSocket = socket
        }
        plainLoopbackPort = reader.value(.plainLoopback, Self.loopbackPort)
        let isTLSMeant = reader.has(.cert) || reader.has(.key) || reader.has(.listen)
        if !isTLSMeant, !reader.has(.unix), !reader.has(.plainLoopback) {
            reader.refuse(
                "nothing to listen on: give --cert, --key and --client-ca (`hmmd cert make DIR` makes some to try), "
                    + "or --unix, or --plain-loopback")
        }
        metrics = reader.value(.metrics) { HostPort($0) }
        admin = reader.value(.admin, Self.socketPath)
        readBounds(&reader)
        readPatience(&reader)
        recording = Self.recording(&reader)
        let isOnRequest = reader.value(.recordOnRequest, Self.yesOrNo) ?? false
        if isOnRequest, recording == nil { reader.refuse(.recordOnRequest, "needs --record: a directory for them") }
        logLevel = reader.value(.logLevel) { Logger.Level(rawValue: $0) }
        self.tenants = Self.completed(tenants, restrictions, isOnRequest ? .onRequest : nil)
        if !reader.errors.isEmpty { throw SettingErrors(reader.errors) }
    }

    private static func tls(_ reader: inout SettingReader, _ identities: IdentityRules) -> TLS? {
        guard reader.has(.cert) || reader.has(.key) || reader.has(.listen) else { return nil }
        if reader.text(.cert) == nil || reader.text(.key) == nil {
            reader.refuse("TLS needs both --cert and --key", cause: [.cert, .key, .listen])
        }
        let standard = HostPort(host: "127.0.0.1", port: standardPort)
        let address = reader.value(.listen) { HostPort($0) } ?? standard
        var tls = TLS(
            address: address, certificateFile: reader.text(.cert) ?? "", keyFile: reader.text(.key) ?? "",
            clientCAFile: reader.text(.clientCA))
        tls.revocationFile = reader.text(.clientCRL)
        tls.verification = reader.value(.verify) { PeerVerification(rawValue: $0) } ?? .required
        tls.minimumVersion = reader.value(.tlsMin) { MinimumTLSVersion(rawValue: $0) } ?? .tls13
        tls.requireALPN = reader.value(.requireALPN, yesOrNo) ?? false
        tls.anonymousTenant = tenant(&reader, .anonymousTenant)
        check(tls, identities, &reader)
        return tls
    }

    /// Refuses what would let strangers in unnoticed, or nobody.
    private static func check(_ tls: TLS, _ identities: IdentityRules, _ reader: inout SettingReader) {
        let rule = tls.verification.rawValue
        if tls.verification != .off, tls.clientCAFile == nil {
            reader.refuse(
                .verify, "\(rule) needs --client-ca: who may sign clients' certificates",
                cause: [.cert, .key, .listen])
        }
        if tls.verification != .required, tls.anonymousTenant == nil, identities.tokens.isEmpty {
            reader.refuse(
                .verify,
                "\(rule) lets clients in without a certificate; "
                    + "name their tenant with --anonymous-tenant, or give them tokens")
        }
        if tls.verification == .required, tls.anonymousTenant != nil {
            reader.refuse(.anonymousTenant, "makes no sense with --verify required")
        }
        if tls.verification == .required, !identities.tokens.isEmpty {
            reader.refuse(.verify, "required leaves no way in for clients with tokens; say optional or off")
        }
        if tls.anonymousTenant != nil, !identities.tokens.isEmpty {
            reader.refuse(.anonymousTenant, "and tokens do not go together: nobody would need a token")
        }
        if tls.revocationFile != nil, tls.verification == .off {
            reader.refuse(.clientCRL, "makes no sense with --verify off")
        }
    }

    private mutating func readBounds(_ reader: inout SettingReader) {
        if let bytes = reader.value(.tenantMemory, Quantity.bytes) { limits.residentBytes = bytes }
        if let without = reader.value(.without, Self.features) { restrictions.features.subtract(without) }
        restrictions.enforcesLicence = reader.value(.enforceLicence, Self.yesOrNo) ?? false
        let positive: (String) -> Int? = { text in Int(text).flatMap { $0 > 0 ? $0 : nil } }
        if let count = reader.value(.loops, { text in positive(text).flatMap { $0 <= 1024 ? $0 : nil } }) {
            loops = count
        }
        if let count = reader.value(.maxConnections, positive) { maxConnections = count }
        maxConnectionsPerAddress = reader.value(.maxConnectionsPerAddress, positive)
        if let bytes = reader.value(.maxBuffered, Quantity.bytes) { maxBuffered = bytes }
        if let count = reader.value(.maxTenants, positive) { maxTenants = count }
        if let count = reader.value(.maxKeptTenants, { text in Int(text).flatMap { $0 >= 0 ? $0 : nil } }) {
            kept.tenants = count
        }
        if let bytes = reader.value(.keptMemory, Quantity.bytes) { kept.bytes = bytes }
    }

    private mutating func readPatience(_ reader: inout SettingReader) {
        // Everything is looked at once a second: none would be one.
        let some: (String) -> Duration? = { Quantity.seconds($0).flatMap { $0 > .zero ? $0 : nil } }
        if let wait = reader.value(.handshakeTimeout, some) { patience.handshake = wait }
        if let wait = reader.value(.lineTimeout, Quantity.seconds) { patience.line = wait }
        if let wait = reader.value(.idleTimeout, Quantity.seconds) { patience.idle = wait }
        let bounded: (String) -> Duration? = { Quantity.seconds($0).flatMap { $0 <= .seconds(30_000) ? $0 : nil } }
        if let wait = reader.value(.unreachableTimeout, bounded) { patience.unreachable = wait }
        if let wait = reader.value(.linger, Quantity.seconds) { patience.linger = wait }
        if let wait = reader.value(.drainSeconds, Quantity.seconds) { patience.drain = wait }
    }

    private static func recording(_ reader: inout SettingReader) -> RecordingPolicy? {
        guard let folder = reader.text(.record) else { return nil }
        var policy = RecordingPolicy(folder: folder)
        let size: (String) -> UInt64? = { text in
            Quantity.bytes(text).flatMap { $0 >= RecordingPolicy.leastBytes ? $0 : nil }
        }
        if let bytes = reader.value(.recordBytes, size) { policy.bytes = bytes }
        if let files = reader.value(.recordFiles, { text in Int(text).flatMap { $0 > 0 ? $0 : nil } }) {
            policy.files = files
        }
        if let sync = reader.value(.recordSync, { RecordingPolicy.Sync(rawValue: $0) }) { policy.sync = sync }
        policy.holdsOutput = reader.value(.recordOutput, yesOrNo) ?? false
        return policy
    }

    /// What all tenants have to do without is added to what each of them has to, and the rule for recording holds where
    /// a tenant has none of its own.
    private static func completed(
        _ tenants: TenantTable, _ restrictions: Restrictions, _ rule: RecordingRule?
    ) -> TenantTable {
        func complete(_ settings: inout TenantSettings) {
            settings.recording = settings.recording ?? rule
            settings.policy.restrictions.features.formIntersection(restrictions.features)
            if restrictions.enforcesLicence { settings.policy.restrictions.enforcesLicence = true }
        }
        var tenants = tenants
        complete(&tenants.standard)
        for (name, var settings) in tenants.listed {
            complete(&settings)
            tenants.listed[name] = settings
        }
        return tenants
    }

    /// As long as an address of a Unix socket can be.
    private static func socketPath(_ text: String) -> String? {
        (1...107).contains(text.utf8.count) ? text : nil
    }

    private static func tenant(_ reader: inout SettingReader, _ setting: Setting) -> ShortName? {
        reader.value(setting, tenantName)
    }

    /// Nil if there can be no tenant of that name.
    public static func tenantName(_ text: String) -> ShortName? {
        ClientIdentity.isLegalTenant(text) ? ShortName(text) : nil
    }

    /// Features as a list with commas; nil if one is unknown.
    public static func features(_ text: String) -> Features? {
        var features: Features = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let bit = Features.words.firstIndex(of: String(word)) else { return nil }
            features.insert(Features(rawValue: 1 << UInt8(bit)))
        }
        return features
    }

    /// A port alone, or one of 127.0.0.1.
    private static func loopbackPort(_ text: String) -> UInt16? {
        if let port = UInt16(text) { return port }
        guard let endpoint = HostPort(text), ["127.0.0.1", "localhost"].contains(endpoint.host) else { return nil }
        return endpoint.port
    }

    public static func yesOrNo(_ text: String) -> Bool? {
        switch text {
        case "yes", "true", "1": true
        case "no", "false", "0": false
        default: nil
        }
    }
}
