internal import HMMProtocol
public import HMMServer

/// Everything a server is started with: flags, variables, and perhaps a file.
public struct ConfigurationSource: Sendable {
    public var file: String?
    public var flags: [Setting: String]
    public var environment: [String: String]

    public init(file: String?, flags: [Setting: String], environment: [String: String]) {
        self.file = file
        self.flags = flags
        self.environment = environment
    }

    /// What comes of a source: the configuration, and the settings it was made of.
    public struct Reading: Sendable {
        public let configuration: ServerConfiguration
        public let given: GivenSettings
    }

    /// Reads the file as it is now.
    ///
    /// - Throws: everything that is wrong, with file, line and column where it is in the file.
    public func read() throws(SettingErrors) -> Reading {
        guard let file else { return try read(nil) }
        return try read(ConfigurationFile(path: file))
    }

    /// As above, with the file's text at hand.
    public func read(text: String) throws(SettingErrors) -> Reading {
        try read(ConfigurationFile(text, name: file ?? "-"))
    }

    /// As `read`, and looks at the files that the settings name, whatever else is wrong.
    public func check() -> (reading: Reading?, errors: [SettingError]) {
        do throws(SettingErrors) {
            let file = try file.map { path throws(SettingErrors) in try ConfigurationFile(path: path) }
            do throws(SettingErrors) {
                let reading = try read(file)
                return (reading, SettingErrors(reading.configuration.unusableFiles(reading.given)).errors)
            } catch {
                let isKnown = file.map { !$0.isUnreadable } ?? true
                let files = isKnown ? ServerConfiguration.unreadableFiles(given(file)) : []
                throw SettingErrors(error.errors + files)
            }
        } catch {
            return (nil, SettingErrors(error.errors).errors)
        }
    }

    private func given(_ file: ConfigurationFile?) -> GivenSettings {
        GivenSettings(flags: flags, environment: environment, file: file?.settings ?? [:])
    }

    private func read(_ file: ConfigurationFile?) throws(SettingErrors) -> Reading {
        // What it lacks would be no news.
        if let file, file.isUnreadable { throw SettingErrors(file.errors.all) }
        let given = given(file)
        var limits = Limits()
        if let memory = given[.tenantMemory].flatMap({ Quantity.bytes($0) }) { limits.residentBytes = memory }
        let tenants = file?.tenants(limits) ?? TenantTable()
        let identities = file?.identities(tenants) ?? IdentityRules()
        file?.checkTenants(tenants, given, identities)
        var errors = file?.errors.all ?? []
        do throws(SettingErrors) {
            let configuration = try ServerConfiguration(given, tenants: tenants, identities: identities)
            if errors.isEmpty { return Reading(configuration: configuration, given: given) }
        } catch {
            errors += error.errors
        }
        throw SettingErrors(errors)
    }
}
