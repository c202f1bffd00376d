/// A refusal: a stable code, an errno, and a sentence that helps a person.
public struct Failure: Error, Equatable, Sendable {
    public var code: ErrorCode
    public var errno: Errno
    /// The address the failure is about, shown as `va=`.
    public var address: UInt64?
    /// Milliseconds after which a retry makes sense; every `BUSY` carries it.
    public var retryAfterMilliseconds: UInt64?
    public var text: String

    public init(
        _ code: ErrorCode, _ text: String, errno: Errno? = nil, address: UInt64? = nil,
        retryAfterMilliseconds: UInt64? = nil
    ) {
        self.code = code
        self.errno = errno ?? code.errno
        self.text = text
        self.address = address
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }
}
