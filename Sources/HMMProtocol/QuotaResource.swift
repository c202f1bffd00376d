/// What one tenant may be given less of than the protocol's limits allow. The verb `quota` shows a row for each.
public enum QuotaResource: String, CaseIterable, Sendable {
    case residentBytes = "resident-bytes"
    case spaces
    case mirrors
    case devices
    case regions
    case connections
    case requestsInFlight = "requests-in-flight"
    case requestsPerSecond = "requests-per-second"
    case unsentBytes = "unsent-bytes"
    case recordingBytes = "recording-bytes"

    public var unit: StaticString {
        switch self {
        case .residentBytes, .unsentBytes, .recordingBytes: "bytes"
        case .spaces: "address-spaces"
        case .mirrors: "mirrors"
        case .devices: "devices"
        case .regions: "regions"
        case .connections: "connections"
        case .requestsInFlight: "requests"
        case .requestsPerSecond: "requests-per-second"
        }
    }

    /// What is counted, for the manual.
    public var meaning: String {
        switch self {
        case .residentBytes: "page frames in use, system and device memory together"
        case .spaces: "address spaces"
        case .mirrors: "mirrors, those included whose lease ran out and that have not been dropped"
        case .devices: "devices"
        case .regions: "regions of device memory"
        case .connections: "open connections"
        case .requestsInFlight: "requests of all connections that have begun and not been answered"
        case .requestsPerSecond:
            "requests, malformed ones too, `ack` and `quit` left out; as many may come at once after a second of silence"
        case .unsentBytes: "lines that wait for all clients of the tenant to read"
        case .recordingBytes: "the recording of the tenant's inputs"
        }
    }

    /// What comes of asking for one more.
    public var refusal: String {
        switch self {
        case .residentBytes, .spaces, .mirrors, .devices, .regions: "`LIMIT`"
        case .connections: "`* bye LIMIT`"
        case .requestsInFlight, .requestsPerSecond: "`BUSY`"
        case .unsentBytes: "a connection with more than its share of them is cut off"
        case .recordingBytes: "the recording ends"
        }
    }

    /// The bound of the protocol, which no quota can pass; nil where there is none for a tenant as a whole.
    public func bound(in limits: Limits) -> UInt64? {
        switch self {
        case .residentBytes: limits.residentBytes
        case .spaces: UInt64(limits.spaces)
        case .mirrors: UInt64(limits.mirrors)
        case .devices: UInt64(limits.devices)
        case .regions: UInt64(limits.regions)
        case .connections: UInt64(limits.connections)
        case .requestsInFlight, .requestsPerSecond, .unsentBytes, .recordingBytes: nil
        }
    }
}
