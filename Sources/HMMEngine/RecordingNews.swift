/// What whoever keeps the tenant's recording has to say about it.
public enum RecordingNews: Equatable, Sendable {
    /// Everything since the tenant's beginning is at hand, in case somebody asks for it, or a place for it is found.
    case kept(RecordingRule)
    /// It goes to the file of that name.
    case began(file: String, RecordingRule)
    /// There will be no file this time.
    case refused(RecordingRefusal)
    /// Nothing more goes to the file, and it is whole.
    case ended(RecordingEnd)
}

extension RecordingNews: CustomStringConvertible {
    /// In words, which recordings hold, too.
    public var description: String {
        switch self {
        case .kept(let rule): rule == .onRequest ? "kept" : "kept \(rule.rawValue)"
        case .began(let file, let rule): "began \(file) \(rule.rawValue)"
        case .refused(let reason): "refused \(reason.rawValue)"
        case .ended(let reason): "ended \(reason.rawValue)"
        }
    }
}

/// When a server records a tenant.
public enum RecordingRule: String, CaseIterable, Sendable {
    case never = "no"
    /// When one of its clients asks for it.
    case onRequest = "on-request"
    case always = "yes"
}

/// Why a recording that was asked for does not begin.
public enum RecordingRefusal: String, CaseIterable, Sendable {
    /// What came first is no longer at hand. It never will be again.
    case late
    /// There are too many files already.
    case tooMany = "too-many"
    /// The disk made no file.
    case disk
}

/// Why a recording ends.
public enum RecordingEnd: String, CaseIterable, Sendable {
    /// The tenant's last connection has gone.
    case closed
    /// A client asked for it.
    case stopped
    /// It has all the bytes it may have.
    case full
    /// It came faster than it could be written.
    case behind
    /// The state broke its rules, and the tenant was given up.
    case poisoned
    /// The disk refused; so nothing in the file says so.
    case disk
}
