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
    case noRegion = "NOREGION"
    case noFile = "NOFILE"
    case noPin = "NOPIN"
    case noMigration = "NOMIGRATION"
    case noRange = "NORANGE"
    case noEvent = "NOEVENT"
    case exists = "EXISTS"
    case tagBusy = "TAGBUSY"
    case limit = "LIMIT"
    case notMapped = "NOMAP"
    case busError = "BUSERR"
    case permission = "PERM"
    case advice = "ADVICE"
    case state = "STATE"
    case stayed = "STAYED"
    case notExclusive = "NOTEXCL"
    case busy = "BUSY"
    case outOfMemory = "NOSPACE"
    case fenced = "FENCED"
    case exited = "EXITED"
    case timeout = "TIMEOUT"
    case cancelled = "CANCELLED"
    case gated = "GATED"
    case licence = "LICENCE"
    case `internal` = "INTERNAL"

    /// The errno a program falls back on when it does not know the code.
    public var errno: Errno {
        switch self {
        case .syntax: .EBADMSG
        case .unknownVerb, .gated: .ENOSYS
        case .badArgument, .missing, .advice, .state, .exited: .EINVAL
        case .tooLong: .EMSGSIZE
        case .denied: .EACCES
        case .noSpaceID, .noMirror, .noDevice, .noRegion, .noFile, .noPin, .noMigration, .noRange, .noEvent, .stayed:
            .ENOENT
        case .exists: .EEXIST
        case .tagBusy: .EALREADY
        case .limit: .EDQUOT
        case .notMapped, .busError: .EFAULT
        case .permission, .licence: .EPERM
        case .busy, .notExclusive: .EBUSY
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
        case .denied:
            "The role of the connection does not suffice; or what is named belongs to another connection or ends with it only."
        case .noSpaceID: "No such address space."
        case .noMirror: "No such mirror."
        case .noDevice: "No such device."
        case .noRegion: "No such region."
        case .noFile: "No such file."
        case .noPin: "No such pin."
        case .noMigration: "No such migration is open on this connection."
        case .noRange: "No such range is open on this connection."
        case .noEvent: "No such event waits for an ack or for an answer."
        case .exists: "The name or the place is taken."
        case .tagBusy: "The tag is in use by a request without an answer."
        case .limit: "A limit or a quota of the tenant would be passed; `limits` and `quota` show them."
        case .notMapped: "Nothing usable is mapped there: no area, or one that permits no such access at all."
        case .busError: "The place is mapped, but lies beyond the end of its file: SIGBUS for the CPU."
        case .permission: "The area or the page does not permit the access."
        case .advice: "This advice does not go with this kind of memory."
        case .state: "It has been done already, or cannot be done at this point."
        case .stayed: "After the move the mirror's table does not serve the whole range."
        case .notExclusive: "A page could not be had exclusively; try again."
        case .busy:
            "The range is under invalidation and the request asked not to wait, or too much waits already or was asked; try again."
        case .outOfMemory: "There is no room of that size: no gap in the address space, or no free physical range."
        case .fenced: "The mirror missed its lease and was fenced; drop it and make a new one."
        case .exited: "The mirror's address space has gone; drop the mirror."
        case .timeout: "A mirror did not acknowledge within its lease, and the address space says `on-expiry=fail`."
        case .cancelled: "The request could not go on: what it worked on was dropped meanwhile."
        case .gated: "The server runs without the feature that the verb, or the kind of memory, needs."
        case .licence: "The verb is exported to GPL clients only, and `hello licence=` said otherwise."
        case .internal: "A defect of the server; please report it."
        }
    }
}

/// The errno names used on the wire, as in errno(3).
public enum Errno: String, CaseIterable, Sendable {
    case EACCES, EAGAIN, EALREADY, EBADMSG, EBUSY, ECANCELED, EDQUOT, EEXIST, EFAULT, EINVAL, EIO, EMSGSIZE
    case ENOENT, ENOMEM, ENOSYS, EPERM, ESTALE, ETIMEDOUT
}
