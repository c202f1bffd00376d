import Foundation

/// Lines typed in earlier sessions: `$HMM_HISTORY`, or `hmm/history` in the user's state folder.
struct HistoryFile: Sendable {
    private static let limit = 1000
    private let path: String?

    init() {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["HMM_HISTORY"] {
            self.path = path.isEmpty ? nil : path
        } else if let state = environment["XDG_STATE_HOME"], !state.isEmpty {
            path = state + "/hmm/history"
        } else {
            path = environment["HOME"].map { $0 + "/.local/state/hmm/history" }
        }
    }

    /// The newest lines, oldest first.
    func load() -> [String] {
        guard let path, let data = FileManager.default.contents(atPath: path) else { return [] }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
        guard lines.count > 2 * Self.limit else { return lines }
        let newest = Array(lines.suffix(Self.limit))
        try? Data((newest.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        return newest
    }

    /// Failure to write is no reason to disturb the user.
    func append(_ line: String) {
        guard let path, !line.isEmpty else { return }
        let folder = (path as NSString).deletingLastPathComponent
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if !FileManager.default.fileExists(atPath: path) {
            // Lines may hold what is nobody else's business.
            _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        guard let file = FileHandle(forWritingAtPath: path) else { return }
        defer { try? file.close() }
        _ = try? file.seekToEnd()
        try? file.write(contentsOf: Data((line + "\n").utf8))
    }
}
