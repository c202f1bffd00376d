import ArgumentParser
import Foundation
import HMMClient
import HMMOracle

/// Runs scenarios of the oracle.
struct Oracle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Do what a real kernel did, and compare the results.",
        discussion: """
            Scenarios are the files `*.scn` in the folders given and in those below, each with what the kernel \
            answered in a file `*.expected` next to it. Prints the first difference of each scenario that has one, \
            then for each folder how many are equal, and at last `N passed, N failed`; the exit status is 1 when one \
            failed or there was none.

            Each scenario makes the four devices it needs, `oracle-d0` to `oracle-d3`, and leaves nothing behind.
            """)

    @Argument(help: "Folders, or single scenarios.", completion: .directory)
    var paths: [String]

    @Option(help: ArgumentHelp("The server. [$HMMD_URI, or hmms://localhost:7423]", valueName: "uri"))
    var uri: String?

    @OptionGroup var server: ServerFlags

    @Flag(help: "Print the results and compare nothing.")
    var results = false

    @Option(help: ArgumentHelp("How long an answer may take.", valueName: "seconds"))
    var timeout: Int64 = 60

    func run() async throws {
        var player: OraclePlayer
        do throws(ClientError) {
            player = try OraclePlayer(server.options(uri: uri))
        } catch {
            throw Exit.report(error)
        }
        player.patienceMilliseconds = max(1, timeout) * 1000
        let files = try scenarios()
        if results {
            try await show(files, player)
        } else {
            try await compare(files, player)
        }
    }

    // MARK: Files

    /// The scenarios to play, in order; without `--results` only those that have something to be compared with.
    private func scenarios() throws -> [String] {
        var files: [String] = []
        for path in paths {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
                Terminal.complain("\(path): no such file or folder")
                throw Exit.usage
            }
            guard isFolder.boolValue else {
                files.append(path)
                continue
            }
            let below = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
            let folder = path.hasSuffix("/") ? path : path + "/"
            files += below.filter { $0.hasSuffix(".scn") }.sorted().map { folder + $0 }
        }
        return results ? files : files.filter { FileManager.default.fileExists(atPath: Self.expected($0)) }
    }

    private static func expected(_ file: String) -> String {
        (file.hasSuffix(".scn") ? String(file.dropLast(4)) : file) + ".expected"
    }

    private static func folder(_ file: String) -> String {
        file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
    }

    private static func read(_ file: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: file) else {
            Terminal.complain("\(file): cannot be read")
            throw Exit.usage
        }
        return String(decoding: data, as: UTF8.self)
    }

    // MARK: Playing

    /// The results of a scenario, or why there are none. A server that cannot be reached ends the command.
    private func play(_ file: String, _ player: OraclePlayer) async throws -> Result<[String], OraclePlayer.Failure> {
        let scenario = Scenario(try Self.read(file))
        do throws(OraclePlayer.Failure) {
            return .success(try await player.play(scenario))
        } catch {
            if case .client(let error) = error, case .cannotConnect = error { throw Exit.report(error) }
            return .failure(error)
        }
    }

    private func show(_ files: [String], _ player: OraclePlayer) async throws {
        var failed = false
        for file in files {
            if files.count > 1 { Terminal.write("# \(file)\n") }
            switch try await play(file, player) {
            case .success(let lines): Terminal.write(lines.map { $0 + "\n" }.joined())
            case .failure(let failure):
                failed = true
                Terminal.complain("\(file): \(failure)")
            }
        }
        if failed { throw Exit.refused }
    }

    private func compare(_ files: [String], _ player: OraclePlayer) async throws {
        var folders: [(name: String, equal: Int, count: Int)] = []
        for file in files {
            let name = Self.folder(file)
            let index = folders.firstIndex { $0.name == name } ?? folders.count
            if index == folders.count { folders.append((name, 0, 0)) }
            let isEqual = try await isEqual(file, player)
            folders[index].count += 1
            if isEqual { folders[index].equal += 1 }
        }
        let passed = folders.reduce(0) { $0 + $1.equal }
        for folder in folders { Terminal.write("\(folder.name): \(folder.equal) of \(folder.count)\n") }
        Terminal.write("\(passed) passed, \(files.count - passed) failed\n")
        if files.isEmpty || passed < files.count { throw Exit.refused }
    }

    /// Says what is different, if anything is.
    private func isEqual(_ file: String, _ player: OraclePlayer) async throws -> Bool {
        let complaint: String
        switch try await play(file, player) {
        case .success(let results):
            guard let difference = OracleDifference(expected: try Self.read(Self.expected(file)), results: results)
            else { return true }
            complaint = "\(file):\(difference)"
        case .failure(let failure): complaint = "\(file): \(failure)"
        }
        Terminal.write((Terminal.hasColours ? Palette.bad(complaint) : complaint) + "\n")
        return false
    }
}
