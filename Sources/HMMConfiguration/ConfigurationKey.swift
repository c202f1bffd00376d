internal import HMMEngine
internal import HMMProtocol
internal import HMMServer

/// A key of a section of the file, as data: reading, errors and the tables of `docs/configuration.md` come from it.
protocol ConfigurationKey: RawRepresentable<String>, CaseIterable, Hashable {
    var spec: KeySpec { get }
}

struct KeySpec {
    /// What a value looks like, as an error says what it expected.
    let form: String
    /// What holds when the key is absent.
    let standard: String
    /// One sentence.
    let meaning: String

    init(_ form: String, _ standard: String, _ meaning: String) {
        self.form = form
        self.standard = standard
        self.meaning = meaning
    }
}

/// The settings of the server, as keys of its section.
struct SettingKey: ConfigurationKey {
    let setting: Setting

    var rawValue: String { setting.rawValue }
    init(_ setting: Setting) { self.setting = setting }
    init?(rawValue: String) {
        guard let setting = Setting(rawValue: rawValue) else { return nil }
        self.setting = setting
    }

    static var allCases: [SettingKey] { Setting.allCases.map { SettingKey($0) } }

    var spec: KeySpec { KeySpec(setting.spec.form, setting.spec.standard, setting.spec.meaning) }
}

private enum Form {
    static let tenant = "1 to 32 characters of a-z 0-9 . -, the first a letter"
    static let role = Role.allCases.map(\.rawValue).joined(separator: ", ")
    static let time = "a time from 1s to 30d, such as 90s, 10m or 2h"
    static let flag = "yes or no"
    static let fingerprint = "64 hexadecimal digits, colons between them or not"
}

/// What the file consists of.
enum TopKey: String, ConfigurationKey {
    case server, unlisted, standard = "default", tenants, identities

    var spec: KeySpec {
        switch self {
        case .server: .init("settings", "", "The settings of the server, by the names of its flags.")
        case .unlisted:
            .init("allow or refuse", "allow", "Whether there may be tenants that are not under `tenants`.")
        case .standard:
            .init("a tenant", "", "What holds for tenants that are not listed, and for what a listed one leaves out.")
        case .tenants: .init("tenants by their names", "", "Tenants, each with what holds for it.")
        case .identities: .init("rules", "", "Who clients are by what they show.")
        }
    }
}

enum TenantKey: String, ConfigurationKey {
    case role, quota, without, persist, record
    case enforceLicence = "enforce-licence"

    var spec: KeySpec {
        switch self {
        case .role: .init(Form.role, "admin", "What a connection may do whose identity does not say.")
        case .quota: .init("resources", "", "How much of each resource the tenant may use.")
        case .without:
            .init(
                "some of \(Features.words.joined(separator: ", "))", "", "Features that the tenant does not have.")
        case .enforceLicence:
            .init(Form.flag, "no", "Refuse verbs exported to GPL clients to those that declare another licence.")
        case .persist:
            .init(
                "\(Form.time), or no", "no", "How long the tenant's state stays after its last connection has gone.")
        case .record:
            .init(
                "yes, no or on-request", "yes; with `record-on-request`, that",
                "When a server with `record` records this tenant: always, never, or when a client says `record start`.")
        }
    }
}

enum BoundKey: String, ConfigurationKey {
    case hard, soft

    var spec: KeySpec {
        switch self {
        case .hard: .init("an amount", "", "Past it nothing is given.")
        case .soft: .init("an amount", "", "Past it the tenant is told.")
        }
    }
}

/// The resources of a quota, as keys of its section.
struct QuotaKey: ConfigurationKey {
    let resource: QuotaResource

    var rawValue: String { resource.rawValue }
    init(_ resource: QuotaResource) { self.resource = resource }
    init?(rawValue: String) {
        guard let resource = QuotaResource(rawValue: rawValue) else { return nil }
        self.resource = resource
    }

    static var allCases: [QuotaKey] { QuotaResource.allCases.map { QuotaKey($0) } }

    /// The least hard bound that makes sense.
    var least: UInt64 { resource == .recordingBytes ? RecordingPolicy.leastBytes : 0 }

    var isBytes: Bool { resource.unit.description == "bytes" }

    var spec: KeySpec {
        let form = isBytes ? "a size such as 512m or 4g" : "a number"
        return KeySpec(least == 0 ? form : "a size from 64k, such as 256m", "", "Bounds \(resource.meaning).")
    }
}

enum IdentityKey: String, ConfigurationKey {
    case certificates, tokens, peers

    var spec: KeySpec {
        switch self {
        case .certificates:
            .init("a list of rules", "the tenant a certificate names", "For clients that show a certificate.")
        case .tokens: .init("a list of tokens", "", "For clients that say `auth`.")
        case .peers:
            .init("a list of rules", "`local-tenant` for all of them", "For clients on the Unix socket.")
        }
    }
}

enum CertificateKey: String, ConfigurationKey {
    case uri = "san-uri"
    case commonName = "common-name"
    case fingerprint, issuer, any, tenant, role

    var spec: KeySpec {
        switch self {
        case .uri:
            .init(
                "a URI, or the beginning of one and *", "",
                "Matches when one of the certificate's alternative names is this URI.")
        case .commonName: .init("a name", "", "Matches the subject's only common name.")
        case .fingerprint: .init(Form.fingerprint, "", "Matches the SHA-256 of the certificate.")
        case .issuer: .init(Form.fingerprint, "", "Matches the SHA-256 of the certificate that signed it.")
        case .any: .init("yes", "", "Matches every certificate that the client CA vouches for.")
        case .tenant: .init(Form.tenant, "the tenant the certificate names", "Where the client belongs.")
        case .role: .init(Form.role, "the role of the tenant", "What the client may do there.")
        }
    }
}

enum TokenKey: String, ConfigurationKey {
    case id, hash, tenant, role, name

    var spec: KeySpec {
        switch self {
        case .id: .init("1 to 32 letters and digits", "", "The part of the token before its dot.")
        case .hash: .init("$scrypt$ln=14,r=8,p=1$SALT$HASH", "", "The hash of what is behind the dot.")
        case .tenant: .init(Form.tenant, "", "Where the client belongs.")
        case .role: .init(Form.role, "the role of the tenant", "What the client may do there.")
        case .name: .init("text", "", "Whose it is, for people.")
        }
    }
}

enum PeerKey: String, ConfigurationKey {
    case uid, gid, any, tenant, role

    var spec: KeySpec {
        switch self {
        case .uid: .init("a number", "any", "The user whose process it is.")
        case .gid: .init("a number", "any", "One of the process's groups.")
        case .any: .init("yes", "", "Matches every process that can reach the socket.")
        case .tenant: .init(Form.tenant, "", "Where the client belongs.")
        case .role: .init(Form.role, "the role of the tenant", "What the client may do there.")
        }
    }
}
