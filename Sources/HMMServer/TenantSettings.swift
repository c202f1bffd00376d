public import HMMEngine
public import HMMProtocol

/// What the configuration says of one tenant.
public struct TenantSettings: Equatable, Sendable {
    /// What a connection may do whose identity does not say.
    public var role = Role.admin
    public var policy = TenantPolicy()
    /// How long the tenant's state stays after its last connection has gone; nil means not at all.
    public var persistence: Duration?
    /// When the server records this tenant, if it records at all; nil: as it is told for all of them.
    public var recording: RecordingRule?

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
