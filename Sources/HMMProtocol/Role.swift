/// What a connection is to its tenant. Each verb says who may use it; see `VerbSpec.roles`.
public enum Role: String, CaseIterable, Sendable, Encodable {
    /// Only looks: no contents, no effects.
    case observer
    /// What a CPU process does: address spaces, areas, accesses, files.
    case process
    /// What a device's driver does: devices, regions, mirrors, faults, migrations, events.
    case driver
    /// Everything.
    case admin
}

/// Some of the roles.
public struct Roles: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public init(_ role: Role) {
        switch role {
        case .observer: self = .observer
        case .process: self = .process
        case .driver: self = .driver
        case .admin: self = .admin
        }
    }

    public static let observer = Roles(rawValue: 1)
    public static let process = Roles(rawValue: 2)
    public static let driver = Roles(rawValue: 4)
    public static let admin = Roles(rawValue: 8)
    public static let all: Roles = [.observer, .process, .driver, .admin]

    /// In the order of `Role`.
    public var each: [Role] { Role.allCases.filter { contains(Roles($0)) } }

    /// As a sentence has them: `driver or admin`.
    public var words: String { each.map(\.rawValue).joined(separator: " or ") }

    /// As a value of an answer: `driver,admin`.
    public var list: String { each.map(\.rawValue).joined(separator: ",") }
}

extension Roles: Encodable {
    /// As a list of words.
    public func encode(to encoder: any Encoder) throws { try each.encode(to: encoder) }
}
