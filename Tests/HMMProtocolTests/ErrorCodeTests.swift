import HMMProtocol
import Testing

/// Codes and errnos are promises: a change here is a change of the protocol.
@Suite struct ErrorCodeTests {
    static let documented: [(String, String)] = [
        ("SYNTAX", "EBADMSG"), ("NOVERB", "ENOSYS"), ("BADARG", "EINVAL"), ("MISSING", "EINVAL"),
        ("TOOLONG", "EMSGSIZE"),
        ("DENIED", "EACCES"), ("NOMM", "ENOENT"), ("NOMIRROR", "ENOENT"), ("NODEV", "ENOENT"), ("NOREGION", "ENOENT"),
        ("NOFILE", "ENOENT"), ("NOPIN", "ENOENT"), ("NOMIGRATION", "ENOENT"), ("NORANGE", "ENOENT"),
        ("NOEVENT", "ENOENT"), ("EXISTS", "EEXIST"), ("TAGBUSY", "EALREADY"), ("LIMIT", "EDQUOT"),
        ("NOMAP", "EFAULT"), ("BUSERR", "EFAULT"), ("PERM", "EPERM"), ("ADVICE", "EINVAL"), ("STATE", "EINVAL"),
        ("STAYED", "ENOENT"), ("NOTEXCL", "EBUSY"), ("BUSY", "EBUSY"), ("NOSPACE", "ENOMEM"), ("FENCED", "ESTALE"),
        ("EXITED", "EINVAL"), ("TIMEOUT", "ETIMEDOUT"), ("CANCELLED", "ECANCELED"), ("GATED", "ENOSYS"),
        ("LICENCE", "EPERM"), ("INTERNAL", "EIO"),
    ]

    @Test(arguments: documented) func errno(_ code: String, _ errno: String) {
        #expect(ErrorCode(rawValue: code)?.errno.rawValue == errno)
        #expect(Failure(ErrorCode(rawValue: code) ?? .internal, "").errno.rawValue == errno)
    }

    @Test func everyCodeIsThere() {
        #expect(ErrorCode.allCases.map(\.rawValue) == Self.documented.map(\.0))
    }

    @Test(arguments: ErrorCode.allCases) func hasAMeaning(_ code: ErrorCode) {
        #expect(code.meaning.hasSuffix("."))
        #expect(code.rawValue.utf8.allSatisfy { (65...90).contains($0) } && code.rawValue.utf8.count <= 32)
    }

    /// The manual's table has the same rows, in the same order.
    @Test func theManualAgrees() {
        let rows = ProtocolDocument.Part.errors.markdown.split(separator: "\n").dropFirst(2)
        #expect(rows.count == Self.documented.count)
        for (row, (code, errno)) in zip(rows, Self.documented) { #expect(row.hasPrefix("| `\(code)` | `\(errno)` | ")) }
    }
}
