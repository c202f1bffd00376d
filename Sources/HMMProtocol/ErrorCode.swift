/// The stable names of everything that can go wrong. A code never changes its meaning; new ones may be added.
public enum ErrorCode: String, CaseIterable, Sendable {
    case syntax = "SYNTAX"
    case unknownVerb = "NOVERB"
    case badArgument = "BADARG"
    case missing = "MISSING"
    case tooLong = "TOOLONG"
    case denied = "DENIED"
    case noSpaceID = "NOMM"
    case noMirror = "NOMIRROR"
    case noDevice = "NODEV"
    case noEvent = "NOEVENT"
    case exists = "EXISTS"
    case tagBusy = "TAGBUSY"
    case limit = "LIMIT"
    case notMapped = "NOMAP"
    case permission = "PERM"
    case busy = "BUSY"
    case outOfMemory = "NOSPACE"
    case fenced = "FENCED"
    case timeout = "TIMEOUT"
    case cancelled = "CANCELLED"
    case `internal` = "INTERNAL"

    /// The errno a program falls back on when it does not know the code.
    public var errno: Errno {
        switch self {
        case .syntax: .EBADMSG
        case .unknownVerb: .ENOSYS
        case .badArgument, .missing: .EINVAL
        case .tooLong: .EMSGSIZE
        case .denied: .EACCES
        case .noSpaceID, .noMirror, .noDevice, .noEvent: .ENOENT
        case .exists: .EEXIST
        case .tagBusy: .EALREADY
        case .limit: .EDQUOT
        case .notMapped: .EFAULT
        case .permission: .EPERM
        case .busy: .EBUSY
        case .outOfMemory: .ENOMEM
        case .fenced: .ESTALE
        case .timeout: .ETIMEDOUT
        case .cancelled: .ECANCELED
        case .internal: .EIO
        }
    }

    /// Whose fault it is, and what the code means: one sentence for the manual.
    public var meaning: String {
        switch self {
        case .syntax: "The line does not follow the grammar. The connection closes if the next line cannot be found."
        case .unknownVerb: "No such verb; `help` lists them."
        case .badArgument: "An argument is unknown, double, of the wrong form or out of range."
        case .missing: "A required argument is absent."
        case .tooLong:
            "A line or a literal is over its limit, and the connection closes; or there are too many arguments."
        case .denied: "The mirror belongs to another connection."
        case .noSpaceID: "No such address space."
        case .noMirror: "No such mirror."
        case .noDevice: "No such device."
        case .noEvent: "No such event waits for an ack."
        case .exists: "The name or the place is taken."
        case .tagBusy: "The tag is in use by a request without an answer."
        case .limit: "A limit of the tenant would be passed; `limits` shows them."
        case .notMapped: "Nothing usable is mapped there: no area, or one that permits no such access at all."
        case .permission: "The area or the page does not permit the access."
        case .busy:
            "The range is under invalidation and the request asked not to wait, or too much waits already; try again."
        case .outOfMemory: "There is no room of that size: no gap in the address space, or no free physical range."
        case .fenced: "The mirror missed its lease and was fenced; drop it and make a new one."
        case .timeout: "A mirror did not acknowledge within its lease, and the address space says `on-expiry=fail`."
        case .cancelled: "The request could not go on: what it worked on was dropped meanwhile."
        case .internal: "A defect of the server; please report it."
        }
    }
}

/// The errno names used on the wire, as in errno(3).
public enum Errno: String, CaseIterable, Sendable {
    case EACCES, EAGAIN, EALREADY, EBADMSG, EBUSY, ECANCELED, EDQUOT, EEXIST, EFAULT, EINVAL, EIO, EMSGSIZE
    case ENOENT, ENOMEM, ENOSYS, EPERM, ESTALE, ETIMEDOUT
}
