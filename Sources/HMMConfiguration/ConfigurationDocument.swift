internal import HMMServer

/// The tables of `docs/configuration.md`, made from the keys that are read.
///
/// In the document a table stands between `<!-- generated: server -->` and `<!-- end -->`.
public enum ConfigurationDocument {
    /// A table, by the name in its marker.
    enum Part: String, CaseIterable {
        case file, server, tenant, quota, bound, identities, certificate, token, peer

        var opening: String { "<!-- generated: \(rawValue) -->" }

        var markdown: String {
            switch self {
            case .file: table(TopKey.self)
            case .server: ConfigurationDocument.settings
            case .tenant: table(TenantKey.self)
            case .quota: table(QuotaKey.self)
            case .bound: table(BoundKey.self)
            case .identities: table(IdentityKey.self)
            case .certificate: table(CertificateKey.self)
            case .token: table(TokenKey.self)
            case .peer: table(PeerKey.self)
            }
        }
    }

    private static let closing = "<!-- end -->"

    /// `document` with every table as the code has it now; the rest stays as it is.
    public static func regenerated(document: String) -> String {
        let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
        var result: [Substring] = []
        var at = 0
        while at < lines.count {
            result.append(lines[at])
            let part = Part.allCases.first { $0.opening == lines[at] }
            at += 1
            // Without its end a table could swallow what follows, so it is left alone.
            guard let part, let end = lines[at...].firstIndex(where: { $0 == closing }) else { continue }
            result += ["", Substring(part.markdown), ""]
            at = end
        }
        return result.joined(separator: "\n")
    }

    private static func table<Key: ConfigurationKey>(_ keys: Key.Type) -> String {
        let rows = keys.allCases.map { key in
            "| `\(key.rawValue)` | \(key.spec.form) | \(standard(key.spec.standard)) | \(key.spec.meaning) |"
        }
        return (["| key | value | without it | meaning |", "|---|---|---|---|"] + rows).joined(separator: "\n")
    }

    private static var settings: String {
        let rows = Setting.allCases.sorted { $0.rawValue < $1.rawValue }.map { setting in
            let spec = setting.spec
            return "| `\(setting.rawValue)` | \(spec.form) | \(standard(spec.standard)) | "
                + "\(spec.isLive ? "reload" : "restart") | \(spec.meaning) |"
        }
        let head = ["| key | value | without it | a change needs a | meaning |", "|---|---|---|---|---|"]
        return (head + rows).joined(separator: "\n")
    }

    private static func standard(_ text: String) -> String { text.isEmpty ? "–" : text }
}
