public import HMMProtocol

/// One tenant: its memory, its connections, its paused requests. Single-threaded, without a clock or I/O.
public struct Engine: ~Copyable {
    public init(limits: Limits = Limits()) {}
    /// The time at which `.tick` is due, if any.
    public private(set) var nextDeadline: Instant?
    /// Connections that have not gone.
    public var connectionCount: Int { 0 }
    /// Requests that wait for an acknowledgement.
    public var pendingCount: Int { 0 }

    public mutating func handle(_ input: consuming Input, at now: Instant, into effects: inout Effects) {
        switch input {
        case .connected(let c, _):
            effects.address(c)
            effects.text.append("* HMM/1 auth=mtls page=4096 max-line=8192 max-literal=1048576 window=256\n")
        case .request(let c, let tag, _):
            effects.address(c)
            effects.text.beginSuccess(tag)
            effects.text.endLine()
        default: break
        }
    }
}
