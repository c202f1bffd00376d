internal import HMMProtocol

/// A tenant's quota at work: bounds as plain numbers, and what has been counted against them.
struct Meter {
    private static let resources = QuotaResource.allCases

    /// By resource; `.max` bounds nothing. The limits of the protocol are in the hard ones.
    private var soft = InlineArray<10, UInt64>(repeating: .max)
    private var hard = InlineArray<10, UInt64>(repeating: .max)
    /// A bit for each resource whose soft bound has been passed and told.
    private var told: UInt16 = 0
    private(set) var rate = RequestRate()

    /// Every request has to be counted before it begins.
    private(set) var countsRequests = false
    /// Uses have to be held against soft bounds after every input.
    private(set) var watches = false

    init(_ quota: Quota, _ limits: Limits) { adopt(quota, limits) }

    /// Other bounds hold from now on; what has been counted, and told of bounds that stay as they are, stays.
    mutating func adopt(_ quota: Quota, _ limits: Limits) {
        watches = false
        for resource in Self.resources {
            let bound = quota[resource]
            // Another bound has not been told of.
            if soft[resource.index] != bound.soft ?? .max { told &= ~Self.bit(resource) }
            soft[resource.index] = bound.soft ?? .max
            if bound.soft != nil { watches = true }
            hard[resource.index] = min(bound.hard ?? .max, resource.bound(in: limits) ?? .max)
        }
        let perSecond = quota[.requestsPerSecond]
        rate.adopt(hard: perSecond.hard, soft: perSecond.soft)
        countsRequests = rate.isMeasured || quota[.requestsInFlight].hard != nil
    }

    @inline(__always)
    func hard(_ resource: QuotaResource) -> UInt64 { hard[resource.index] }

    func soft(_ resource: QuotaResource) -> UInt64 { soft[resource.index] }

    mutating func takeRequest(at now: Instant) -> RequestRate.Outcome { rate.take(at: now) }

    mutating func settleRate(at now: Instant) { rate.drain(until: now) }

    /// Nobody has bounded it.
    func isFree(_ resource: QuotaResource) -> Bool { soft(resource) == .max && hard(resource) == .max }

    /// True when the soft bound of `resource` has just been passed: once, until `use` is well within it again, so that
    /// somebody who goes back and forth at the bound is not told each time.
    mutating func passes(_ resource: QuotaResource, _ use: UInt64) -> Bool {
        let bound = soft(resource)
        guard use > bound else {
            if use <= Self.rearming(bound) { told &= ~Self.bit(resource) }
            return false
        }
        defer { told |= Self.bit(resource) }
        return told & Self.bit(resource) == 0
    }

    /// A tenth below the bound, at least one; where there is nothing below, the bound.
    static func rearming(_ bound: UInt64) -> UInt64 { bound - min(bound, max(1, bound / 10)) }

    private static func bit(_ resource: QuotaResource) -> UInt16 { 1 << UInt16(resource.index) }
}

/// Requests per second as a bucket that leaks: each request fills it by one, and each second takes away what the bound
/// allows. Counted in billionths of a request, so that nothing is rounded.
struct RequestRate {
    private static let one: UInt64 = 1_000_000_000
    /// Beyond it a rate is no bound.
    private static let most: UInt64 = 1_000_000_000

    enum Outcome: Equatable {
        case taken
        /// The bucket is full until so many milliseconds have passed.
        case full(milliseconds: UInt64)
    }

    private(set) var isMeasured = false
    private var perSecond: UInt64 = 0
    private var capacity: UInt64 = 0
    private var isBounded = false
    private var level: UInt64 = 0
    private var last = Instant(nanoseconds: 0)

    /// Without a hard bound the soft one says how fast requests are forgotten, and one more than it is remembered.
    mutating func adopt(hard: UInt64?, soft: UInt64?) {
        isMeasured = hard != nil || soft != nil
        isBounded = hard != nil
        perSecond = min(hard ?? soft ?? 0, Self.most)
        capacity = (isBounded ? perSecond : perSecond + 1) * Self.one
        if !isMeasured { level = 0 }
    }

    /// Requests in the bucket, a started one counted whole.
    var use: UInt64 { (level + Self.one - 1) / Self.one }

    mutating func drain(until now: Instant) {
        let (gone, overflow) = (now.nanoseconds - min(last, now).nanoseconds).multipliedReportingOverflow(by: perSecond)
        level = overflow || gone >= level ? 0 : level - gone
        last = now
    }

    mutating func take(at now: Instant) -> Outcome {
        guard isMeasured else { return .taken }
        drain(until: now)
        guard level + Self.one <= capacity else {
            guard isBounded else {
                level = capacity
                return .taken
            }
            guard perSecond > 0 else { return .full(milliseconds: 1000) }
            let excess = level + Self.one - capacity
            let nanoseconds = (excess + perSecond - 1) / perSecond
            return .full(milliseconds: max(1, (nanoseconds + 999_999) / 1_000_000))
        }
        level += Self.one
        return .taken
    }
}
