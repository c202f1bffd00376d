public import HMMEngine
public import HMMProtocol

/// What a recording begins with: who was recorded, by whom, and under which bounds and policy.
///
/// On file: the magic, the length of the text in four bytes, eight bytes of XXH64 of the text, then the text, a line a
/// fact. All numbers of the format are little-endian.
public struct RecordingHeader: Equatable, Sendable {
    public static let magic: [UInt8] = Array("HMMREC1\n".utf8)
    /// Bytes before the text.
    static let prefixLength = 20
    /// Longest text; a longer one is no header.
    static let longestText = 1 << 16

    public var tenant: ShortName
    /// Of the engine that was recorded. Another one may say other things.
    public var engineVersion: String
    /// Seconds since 1970 when the tenant began.
    public var startSeconds: UInt64
    /// The output itself is there, not only its digests.
    public var holdsOutput: Bool
    public var limits: Limits
    public var policy: TenantPolicy

    public init(
        tenant: ShortName, engineVersion: String, startSeconds: UInt64, holdsOutput: Bool, limits: Limits,
        policy: TenantPolicy
    ) {
        self.tenant = tenant
        self.engineVersion = engineVersion
        self.startSeconds = startSeconds
        self.holdsOutput = holdsOutput
        self.limits = limits
        self.policy = policy
    }

    // MARK: Text

    /// Bytes of a page; not every machine's is the same.
    private static let page = 4096

    var text: String {
        var lines = [
            "protocol 1", "page \(Self.page)", "engine \(engineVersion)", "tenant \(tenant)", "start \(startSeconds)",
            "output \(holdsOutput ? "whole" : "digests")",
        ]
        lines += RecordedLimits.lines(limits)
        lines += RecordedPolicy.lines(policy)
        return lines.map { $0 + "\n" }.joined()
    }

    private init(text: [UInt8]) throws(RecordingError) {
        self.init(
            tenant: .none, engineVersion: "", startSeconds: 0, holdsOutput: false, limits: Limits(),
            policy: TenantPolicy())
        guard text.allSatisfy({ $0 == 10 || (0x20...0x7e).contains($0) }) else {
            throw .unreadable("the header holds bytes that are no text")
        }
        let lines = text.split(separator: 10, omittingEmptySubsequences: false)
        for line in lines.dropLast() {
            guard take(String(decoding: line, as: UTF8.self).split(separator: " ")) else {
                throw .unreadable(
                    "the header says `\(String(decoding: line, as: UTF8.self))`, which this version cannot take")
            }
        }
        // Whole, in order, and each line once: as it is written.
        let expected = Array(self.text.utf8).split(separator: 10, omittingEmptySubsequences: false)
        guard let line = zip(lines, expected).enumerated().first(where: { $1.0 != $1.1 })?.offset else {
            guard lines.count == expected.count else { throw .unreadable("the header lacks its last lines") }
            return
        }
        throw .unreadable(
            "line \(line + 1) of the header is `\(String(decoding: lines[line], as: UTF8.self))` "
                + "instead of `\(String(decoding: expected[line], as: UTF8.self))`")
    }

    private mutating func take(_ words: [Substring]) -> Bool {
        let value = words.count > 1 ? words[1] : ""
        switch words.first {
        case "protocol": return value == "1"
        case "page": return value == "\(Self.page)"
        case "engine":
            guard words.count == 2 else { return false }
            engineVersion = String(value)
        case "tenant":
            guard let name = ShortName(value) else { return false }
            tenant = name
        case "start":
            guard let seconds = UInt64(value) else { return false }
            startSeconds = seconds
        case "output":
            guard ["whole", "digests"].contains(value) else { return false }
            holdsOutput = value == "whole"
        case "limit": return words.count == 3 && RecordedLimits.set(value, words[2], in: &limits)
        default: return RecordedPolicy.take(words, into: &policy)
        }
        return true
    }

    // MARK: Bytes

    public func encode(into buffer: inout WireBuffer) {
        let text = Array(text.utf8)
        text.withUnsafeBytes { bytes in
            Self.magic.withUnsafeBytes { buffer.append($0) }
            buffer.put(UInt32(text.count))
            buffer.put(XXHash64.hash(bytes))
            buffer.append(bytes)
        }
    }

    /// The header at the start of `bytes` and its length; nil when more bytes are needed.
    ///
    /// - Throws: when this is no recording, or none that this version reads.
    static func decode(
        _ bytes: UnsafeRawBufferPointer
    ) throws(RecordingError) -> (header: RecordingHeader, length: Int)? {
        let known = min(bytes.count, magic.count)
        guard bytes[..<known].elementsEqual(magic[..<known]) else { throw .notARecording }
        guard bytes.count >= prefixLength else { return nil }
        let count = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
        guard count <= longestText else { throw .damaged(at: 8) }
        guard bytes.count >= prefixLength + count else { return nil }
        let checksum = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
        let text = UnsafeRawBufferPointer(rebasing: bytes[prefixLength..<prefixLength + count])
        guard XXHash64.hash(text) == checksum else { throw .damaged(at: 8) }
        return (try RecordingHeader(text: Array(text)), prefixLength + count)
    }
}

/// Why a recording, or the rest of one, cannot be read.
public enum RecordingError: Error, Equatable, Sendable, CustomStringConvertible {
    case notARecording
    /// From here on the bytes are not those that were written.
    case damaged(at: Int)
    /// Whole, but of another version, or by somebody else.
    case unreadable(String)

    public var description: String {
        switch self {
        case .notARecording: "not a recording: it does not begin with HMMREC1"
        case .damaged(let offset): "damaged at byte \(offset)"
        case .unreadable(let reason): reason
        }
    }
}
