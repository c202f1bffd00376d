internal import HMMEngine
internal import HMMProtocol
internal import HMMTLS

extension ServerConfiguration {
    /// The port that hmmd listens on unless told otherwise.
    public static let standardPort: UInt16 = 7423

    /// The configuration that the settings ask for.
    ///
    /// - Throws: `SettingError` if one is malformed, or if together they make no safe server.
    public init(_ given: GivenSettings) throws(SettingError) {
        self.init(localTenant: try Self.tenant(given, .localTenant) ?? ShortName("local") ?? .none)
        tls = try Self.tls(given)
        if let path = given[.unix] {
            var socket = UnixSocket(path: path)
            let parse: (String) -> UInt32? = { text in UInt32(text, radix: 8).flatMap { $0 <= 0o777 ? $0 : nil } }
            if let mode = try given.value(.unixMode, "an octal mode such as 660", parse) { socket.mode = mode }
            unixSocket = socket
        }
        plainLoopbackPort = try given.value(
            .plainLoopback, "a port of 127.0.0.1; without TLS nothing else can be listened on", Self.loopbackPort)
        guard tls != nil || unixSocket != nil || plainLoopbackPort != nil else {
            throw SettingError(
                "nothing to listen on: give --cert, --key and --client-ca (`hmmd cert make DIR` makes some to try), "
                    + "or --unix, or --plain-loopback")
        }
        try readBounds(given)
        try readPatience(given)
        recording = try Self.recording(given)
    }

    private static func tls(_ given: GivenSettings) throws(SettingError) -> TLS? {
        guard given[.cert] != nil || given[.key] != nil || given[.listen] != nil else { return nil }
        guard let certificate = given[.cert], let key = given[.key] else {
            throw SettingError("TLS needs both --cert and --key")
        }
        let address =
            try given.value(.listen, "HOST:PORT") { HostPort($0) } ?? HostPort(host: "127.0.0.1", port: standardPort)
        var tls = TLS(address: address, certificateFile: certificate, keyFile: key, clientCAFile: given[.clientCA])
        let verification = try given.value(.verify, "required, optional or off") { PeerVerification(rawValue: $0) }
        tls.verification = verification ?? .required
        tls.minimumVersion = try given.value(.tlsMin, "1.3 or 1.2") { MinimumTLSVersion(rawValue: $0) } ?? .tls13
        tls.requireALPN = try given.value(.requireALPN, "yes or no", yesOrNo) ?? false
        tls.anonymousTenant = try tenant(given, .anonymousTenant)
        try check(tls)
        return tls
    }

    /// Refuses what would let strangers in unnoticed, or nobody.
    private static func check(_ tls: TLS) throws(SettingError) {
        if tls.verification != .off, tls.clientCAFile == nil {
            throw SettingError(
                "--verify \(tls.verification.rawValue) needs --client-ca: who may sign clients' certificates")
        }
        if tls.verification != .required, tls.anonymousTenant == nil {
            throw SettingError(
                "--verify \(tls.verification.rawValue) lets clients in without a certificate; "
                    + "name their tenant with --anonymous-tenant")
        }
        if tls.verification == .required, tls.anonymousTenant != nil {
            throw SettingError("--anonymous-tenant makes no sense with --verify required")
        }
    }

    private mutating func readBounds(_ given: GivenSettings) throws(SettingError) {
        if let bytes = try given.value(.tenantMemory, "a size such as 512m or 4g", Quantity.bytes) {
            limits.residentBytes = bytes
        }
        let features: (String) -> Features? = { text in
            var features: Features = []
            for word in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let bit = Features.words.firstIndex(of: String(word)) else { return nil }
                features.insert(Features(rawValue: 1 << UInt8(bit)))
            }
            return features
        }
        if let without = try given.value(.without, "some of \(Features.words.joined(separator: ","))", features) {
            restrictions.features.subtract(without)
        }
        restrictions.enforcesLicence = try given.value(.enforceLicence, "yes or no", Self.yesOrNo) ?? false
        let positive: (String) -> Int? = { text in Int(text).flatMap { $0 > 0 ? $0 : nil } }
        if let count = try given.value(.loops, "a number from 1 to 1024", positive) {
            loops = min(count, 1024)
        }
        if let count = try given.value(.maxConnections, "a number from 1", positive) { maxConnections = count }
    }

    private static func recording(_ given: GivenSettings) throws(SettingError) -> RecordingPolicy? {
        guard let folder = given[.record] else { return nil }
        var policy = RecordingPolicy(folder: folder)
        let size: (String) -> UInt64? = { text in Quantity.bytes(text).flatMap { $0 >= 1 << 16 ? $0 : nil } }
        if let bytes = try given.value(.recordBytes, "a size from 64k, such as 256m", size) { policy.bytes = bytes }
        let positive: (String) -> Int? = { text in Int(text).flatMap { $0 > 0 ? $0 : nil } }
        if let files = try given.value(.recordFiles, "a number from 1", positive) { policy.files = files }
        let sync: (String) -> RecordingPolicy.Sync? = { RecordingPolicy.Sync(rawValue: $0) }
        if let sync = try given.value(.recordSync, "never or interval", sync) { policy.sync = sync }
        policy.holdsOutput = try given.value(.recordOutput, "yes or no", yesOrNo) ?? false
        return policy
    }

    private mutating func readPatience(_ given: GivenSettings) throws(SettingError) {
        func seconds(_ setting: Setting) throws(SettingError) -> Duration? {
            try given.value(setting, "seconds", Quantity.seconds)
        }
        if let wait = try seconds(.handshakeTimeout) { patience.handshake = wait }
        if let wait = try seconds(.lineTimeout) { patience.line = wait }
        if let wait = try seconds(.idleTimeout) { patience.idle = wait }
        if let wait = try seconds(.linger) { patience.linger = wait }
        if let wait = try seconds(.drainSeconds) { patience.drain = wait }
    }

    private static func tenant(_ given: GivenSettings, _ setting: Setting) throws(SettingError) -> ShortName? {
        try given.value(setting, "1 to 32 characters of a-z 0-9 . -, the first a letter") { name in
            ClientIdentity.isLegalTenant(name) ? ShortName(name) : nil
        }
    }

    /// A port alone, or one of 127.0.0.1.
    private static func loopbackPort(_ text: String) -> UInt16? {
        if let port = UInt16(text) { return port }
        guard let endpoint = HostPort(text), ["127.0.0.1", "localhost"].contains(endpoint.host) else { return nil }
        return endpoint.port
    }

    private static func yesOrNo(_ text: String) -> Bool? {
        switch text {
        case "yes", "true", "1": true
        case "no", "false", "0": false
        default: nil
        }
    }
}
