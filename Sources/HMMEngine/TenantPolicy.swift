public import HMMProtocol

/// What whoever runs the server allows a tenant. A tenant without one may do all that the protocol's limits let it.
public struct TenantPolicy: Equatable, Sendable {
    public var restrictions = Restrictions()
    public var quota = Quota()

    public init(restrictions: Restrictions = Restrictions(), quota: Quota = Quota()) {
        self.restrictions = restrictions
        self.quota = quota
    }
}

/// How much of each resource a tenant may use.
public struct Quota: Equatable, Sendable {
    /// The bounds of one resource, in its unit; nil bounds nothing.
    public struct Bound: Equatable, Sendable {
        /// Past it whoever has asked for the news is told, once each time it is passed.
        public var soft: UInt64?
        /// Past it nothing is given. The limits of the protocol hold besides.
        public var hard: UInt64?

        public init(soft: UInt64? = nil, hard: UInt64? = nil) {
            self.soft = soft
            self.hard = hard
        }
    }

    private var bounds = [Bound](repeating: Bound(), count: QuotaResource.allCases.count)

    public init() {}

    public subscript(_ resource: QuotaResource) -> Bound {
        get { bounds[resource.index] }
        set { bounds[resource.index] = newValue }
    }
}

extension QuotaResource {
    /// Its place among all of them.
    var index: Int {
        switch self {
        case .residentBytes: 0
        case .spaces: 1
        case .mirrors: 2
        case .devices: 3
        case .regions: 4
        case .connections: 5
        case .requestsInFlight: 6
        case .requestsPerSecond: 7
        case .unsentBytes: 8
        case .recordingBytes: 9
        }
    }
}
