internal import Glibc
internal import HMMEngine
internal import HMMProtocol
internal import HMMServer
internal import Yams

/// A configuration file: YAML, read as far as it can be, with everything that is wrong with it.
///
/// `docs/configuration.md` says what may stand in it.
struct ConfigurationFile {
    /// Far more than any configuration has.
    static let mostBytes = 4 << 20

    private(set) var settings: [Setting: GivenSettings.FileValue] = [:]
    private let top: SectionReader<TopKey>?
    let errors: FileErrors
    /// It is no YAML, so nobody knows what is in it.
    var isUnreadable: Bool { top == nil && !errors.all.isEmpty }

    /// - Parameter name: what errors call the file.
    init(_ text: String, name: String) {
        let errors = FileErrors(file: name)
        self.errors = errors
        top = Self.root(text, errors).map { SectionReader($0, "the file", errors) }
        guard let server = top?.node(.server) else { return }
        let section = SectionReader<SettingKey>(server, "server", errors)
        for key in section.keys where !section.hasEmptyList(key) || key.setting != .without {
            settings[key.setting] = section.text(key, joinsLists: key.setting == .without)
        }
    }

    /// - Throws: why the file cannot be read.
    init(path: String) throws(SettingErrors) {
        do throws(SettingError) {
            self.init(try Self.contents(path), name: path)
        } catch {
            throw SettingErrors([error])
        }
    }

    private static func contents(_ path: String) throws(SettingError) -> String {
        // Whatever it is, nobody is to wait for it.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw SettingError("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SettingError("\(path): not a regular file")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count <= mostBytes {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw SettingError("\(path): \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        guard bytes.count <= mostBytes else { throw SettingError("\(path): has more than \(mostBytes) bytes") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            // Whole characters come before what is none.
            let good = String(decoding: bytes, as: UTF8.self).unicodeScalars.prefix { $0 != "\u{FFFD}" }
            throw SettingError("not UTF-8", at: place(after: good, path))
        }
        return text
    }

    /// By scalars: a carriage return and a line feed are one character.
    private static func place(after text: Substring.UnicodeScalarView, _ file: String) -> FilePlace {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return FilePlace(file: file, line: lines.count, column: (lines.last?.count ?? 0) + 1)
    }

    // MARK: YAML

    private static func root(_ text: String, _ errors: FileErrors) -> Node? {
        let keys = KeyScan(text, file: errors.file)
        for error in keys.errors { errors.add(error) }
        guard keys.errors.isEmpty else { return nil }
        do {
            return try Parser(yaml: text).singleRoot()
        } catch let error as YamlError {
            tell(error, text, errors)
        } catch {
            errors.add("\(error)", at: nil)
        }
        return nil
    }

    private static func tell(_ error: YamlError, _ text: String, _ errors: FileErrors) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            // The context repeats its own position, and is in the parser's words; it helps all the same.
            let before = context.map { "\($0.text), " } ?? ""
            errors.add("\(before)\(problem)", at: mark)
        case .reader(let problem, let offset, _, _):
            errors.add(problem, at: place(after: text.prefix(offset ?? 0).unicodeScalars, errors.file))
        default: errors.add("\(error)", at: nil)
        }
    }

    // MARK: Tenants and identities

    /// What the file says of tenants.
    ///
    /// - Parameter limits: what a quota cannot pass.
    func tenants(_ limits: Limits) -> TenantTable {
        var table = TenantTable()
        guard let top else { return table }
        table.admitsUnlisted = top.value(.unlisted) { ["allow": true, "refuse": false][$0] } ?? true
        let reader = TenantReader(errors: errors, limits: limits)
        if let standard = top.node(.standard) { table.standard = reader.read(standard, "default", TenantSettings()) }
        for (name, mark, node) in top.node(.tenants).flatMap({ pairs(of: $0, "tenants", errors) }) ?? [] {
            guard let tenant = ServerConfiguration.tenantName(name) else {
                errors.add("tenant '\(name)': expected \(TokenKey.tenant.spec.form)", at: mark)
                continue
            }
            table.listed[tenant] = reader.read(node, name, table.standard)
        }
        return table
    }

    /// Who clients are.
    func identities(_ tenants: TenantTable) -> IdentityRules {
        guard let node = top?.node(.identities) else { return IdentityRules() }
        return IdentityReader(errors: errors, tenants: tenants).read(node)
    }

    /// Tenants that the server's settings name, or mean, must be there, too.
    func checkTenants(_ tenants: TenantTable, _ given: GivenSettings, _ identities: IdentityRules) {
        let hasLocals = given[.plainLoopback] != nil || given[.unix] != nil && identities.peers == nil
        for (setting, standard) in [(Setting.anonymousTenant, nil), (.localTenant, hasLocals ? "local" : nil)] {
            let text = given[setting] ?? standard
            guard let name = text.flatMap({ ServerConfiguration.tenantName($0) }) else { continue }
            let place = given.place(setting) ?? errors.place(top?.node(.unlisted)?.mark)
            errors.tell(unknown: name, tenants, given.name(setting), at: place)
        }
    }
}

extension FileErrors {
    /// Adds an error if there cannot be such a tenant.
    func tell(unknown tenant: ShortName, _ tenants: TenantTable, _ key: String, at place: FilePlace) {
        guard tenants[tenant] == nil else { return }
        let hint = NearMiss.hint("\(tenant)", among: tenants.listed.keys.map(\.description).sorted())
        add("\(key): unknown tenant '\(tenant)'\(hint)", at: place)
    }
}
