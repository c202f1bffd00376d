import Foundation
import HMMEngine
import HMMProtocol
import HMMRecording

/// What `hmmd replay` prints. Bytes leave as they are.
final class ReplayPrinter {
    private let output: ReplayCommand.Output
    private let isListing: Bool
    private let stream: StandardStream

    init(output: ReplayCommand.Output, isListing: Bool, _ stream: StandardStream) {
        self.output = output
        self.isListing = isListing
        self.stream = stream
    }

    func begin(_ header: RecordingHeader) throws {
        if header.engineVersion != Engine.version {
            try complain("recorded by version \(header.engineVersion); this is \(Engine.version): answers may differ")
        }
        guard isListing else { return }
        let start = Date(timeIntervalSince1970: TimeInterval(header.startSeconds)).formatted(.iso8601)
        try say("tenant \(header.tenant), version \(header.engineVersion), begun \(start)")
    }

    func show(_ record: Record, _ effects: borrowing Effects) throws {
        if isListing { return try say(record.summary) }
        guard output != .none else { return }
        for index in 0..<effects.segmentCount {
            let segment = effects.segment(index)
            let bytes = UnsafeRawBufferPointer(rebasing: effects.text.bytes[segment.range])
            switch output {
            case .all: try say(bytes, to: segment.connection)
            case .connection(let number): if number == segment.connection.rawValue { try stream.put(bytes) }
            case .none: break
            }
        }
    }

    func show(_ divergence: Replay.Divergence) throws {
        let record = divergence.record
        try say("divergence at input \(divergence.input), record \(record.number), byte \(record.offset):")
        try say("  " + record.summary)
        try say("expected: \(record.outputLength) bytes, digest \(Self.hex(record.digest))")
        try show(record.output)
        try say("got: \(divergence.outputLength) bytes, digest \(Self.hex(divergence.digest))")
        try show(divergence.output)
    }

    private func show(_ pieces: [Record.Piece]?) throws {
        guard let pieces else { return try say("  (not in the recording: record with --record-output)") }
        for piece in pieces { try piece.bytes.withUnsafeBytes { try say($0, to: piece.connection, indent: "  ") } }
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    func finish(_ inputs: UInt64, _ bytes: UInt64, _ last: Record?) throws {
        if case .end(let reason)? = last?.event {
            if reason != .closed { try complain("the recording ends early: \(reason.rawValue)") }
        } else {
            try complain("the recording was cut off: the server did not end it")
        }
        let summary = "replayed \(inputs) inputs, \(bytes) bytes, no divergence"
        if case .connection = output { try complain(summary) } else { try say(summary) }
    }

    // MARK: Bytes

    /// Each line with the connection before it. Octets of literals are lines like others here.
    private func say(_ bytes: UnsafeRawBufferPointer, to connection: ConnectionID, indent: String = "") throws {
        for line in bytes.split(separator: 10, omittingEmptySubsequences: true) {
            try stream.put("\(indent)c\(connection.rawValue)< ".utf8)
            try stream.put(UnsafeRawBufferPointer(rebasing: line))
            try stream.put([10])
        }
    }

    private func say(_ text: String) throws { try stream.put(line: text) }

    /// On standard error, behind what has been printed.
    func complain(_ text: String) throws {
        try stream.flush()
        StandardStream.complain(text)
    }
}

extension Record {
    /// One line for people.
    var summary: String {
        let milliseconds = time.nanoseconds / 1_000_000
        let caused = outputLength == 0 ? "" : "  → \(outputLength) bytes"
        return "\(number)  \(milliseconds) ms  \(event.summary)\(caused)"
    }
}

extension Record.Event {
    fileprivate var summary: String {
        switch self {
        case .requests(let id, let bytes): "c\(id.rawValue)> \(Self.shown(bytes))"
        case .end(let reason): "end: \(reason.rawValue)"
        case .input(.connected(let id, let principal)):
            "c\(id.rawValue) connected, auth=\(principal.authentication.rawValue) role=\(principal.role.rawValue)"
        case .input(.disconnected(let id)): "c\(id.rawValue) disconnected"
        case .input(.refused(let id, _, let failure, _)): "c\(id.rawValue) refused: \(failure.code.rawValue)"
        case .input(.drained(let id)): "c\(id.rawValue) has taken its output"
        case .input(.close(let id, let reason)): "c\(id.rawValue) is ended: \(reason.rawValue)"
        case .input(.policy): "another policy"
        case .input(.recording(let news)): "news of the recording: \(news)"
        case .input(.unsent(let bytes)): "\(bytes) bytes wait for clients to read"
        case .input(.inspect): "the state is checked"
        case .input(.drain): "the server stops"
        case .input(.tick): "tick"
        case .input(.request(let id, _, _)): "c\(id.rawValue) request"
        }
    }

    /// The requests' beginning, what is no text escaped.
    private static func shown(_ bytes: [UInt8]) -> String {
        let text = bytes.prefix(160).map { byte in
            switch byte {
            case 10: " ⏎ "
            case 0x20...0x7e: String(UnicodeScalar(byte))
            default: "·"
            }
        }
        return text.joined() + (bytes.count > 160 ? "… (\(bytes.count) bytes)" : "")
    }
}
