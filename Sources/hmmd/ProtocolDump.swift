import Foundation
import HMMProtocol
import HMMServer

/// The protocol as data, for programs that generate clients, tests and documents.
struct ProtocolDump: Encodable {
    struct Error: Encodable {
        let code: String
        let errno: String
        let meaning: String
    }

    struct Limit: Encodable {
        let name: String
        let value: UInt64
        let unit: String
        let reason: String
    }

    /// The version in the greeting, `HMM/1`.
    let version = 1
    /// What every verb can fail with, besides the errors of its own.
    let commonErrors = VerbSpec.commonErrors
    let verbs = VerbName.allCases.map(\.spec)
    let errors = ErrorCode.allCases.map {
        Error(code: $0.rawValue, errno: $0.errno.rawValue, meaning: $0.meaning)
    }
    let limits = Limits().rows.map {
        Limit(name: "\($0.name)", value: $0.value, unit: "\($0.unit)", reason: "\($0.reason)")
    }

    static func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(ProtocolDump()), as: UTF8.self)
    }

    /// The manual on standard input, its generated parts made anew.
    static func markdown() -> String {
        let manual = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
        return OperationsDocument.regenerated(document: ProtocolDocument.regenerated(document: manual))
    }
}
