public import HMMEngine
public import HMMProtocol

/// What the configuration says of one tenant.
public struct TenantSettings: Equatable, Sendable {
    /// What a connection may do whose identity does not say.
    public var role = Role.admin
    public var policy = TenantPolicy()
    /// How long the tenant's state stays after its last connection has gone; nil means not at all.
    public var persistence: Duration?
    public var recording = RecordingPolicy()

    public init() {}
}

/// Whether a tenant's inputs are recorded from its first connection on, and when what is recorded is on the disk.
public struct RecordingPolicy: Equatable, Sendable {
    public enum When: String, CaseIterable, Sendable {
        /// Only if somebody asks for it.
        case onRequest = "on-request"
        case always
        /// Not even if somebody asks.
        case off
    }

    public enum Sync: Equatable, Sendable {
        /// The kernel decides; a crash of the machine may cost what it had not written.
        case never
        /// Before the effects of a batch are told to anyone.
        case always
        /// At most so much is lost.
        case every(Duration)
    }

    public var when = When.onRequest
    public var sync = Sync.every(.seconds(1))

    public init() {}
}

/// What the configuration says of all tenants.
public struct TenantTable: Equatable, Sendable {
    public var listed: [ShortName: TenantSettings] = [:]
    /// Of tenants that are not listed.
    public var standard = TenantSettings()
    /// Clients of tenants that are not listed are let in.
    public var admitsUnlisted = true

    public init() {}

    /// Nil if the tenant is not to be.
    public subscript(_ tenant: ShortName) -> TenantSettings? { listed[tenant] ?? (admitsUnlisted ? standard : nil) }
}
