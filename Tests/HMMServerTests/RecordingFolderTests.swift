import Foundation
import HMMEngine
import HMMProtocol
import HMMRecording
import Logging
import Testing

@testable import HMMServer

/// How many recordings there are, and whose.
@Suite struct RecordingFolderTests {
    private func withFolder(files: Int, _ body: (RecordingFolder) throws -> Void) throws {
        let place = try PrivateFolder(under: "/tmp")
        defer { place.remove() }
        var policy = RecordingPolicy(folder: place.path)
        policy.files = files
        let folder = try RecordingFolder(policy, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        defer { folder.writer.stop() }
        try body(folder)
    }

    private func name(_ tenant: String) -> ShortName { ShortName(tenant) ?? .none }

    @Test func noTenantUsesUpAllPlaces() throws {
        try withFolder(files: 5) { folder in
            func most(_ tenant: String) -> Int {
                (0..<10).count { _ in folder.newName(name(tenant), 1) != nil }
            }
            #expect(["a", "b", "c", "d"].map(most) == [3, 1, 1, 0])
        }
    }

    @Test func filesThatAreGoneMakePlace() throws {
        try withFolder(files: 2) { folder in
            let first = try #require(folder.newName(name("a"), 1))
            // It is to be made: it counts although it is not there.
            #expect(folder.findName(name("a"), 1) == nil)
            _ = try RecordingFile(folder.path(first))
            folder.made(first)
            #expect(folder.findName(name("a"), 1) == nil)
            let second = try #require(folder.findName(name("b"), 1))
            #expect(folder.findName(name("c"), 1) == nil)
            try FileManager.default.removeItem(atPath: folder.path(first))
            #expect(folder.findName(name("c"), 1) != nil)
            #expect(folder.findName(name("a"), 1) == nil)
            folder.giveBack(second)
            #expect(folder.findName(name("a"), 1) != nil)
        }
    }

    /// Also those of others count, and have other names.
    @Test func serversShareADirectory() throws {
        try withFolder(files: 4) { folder in
            let other = try RecordingFolder(folder.policy, logger: folder.logger)
            defer { other.writer.stop() }
            let names = [folder, other].compactMap { $0.newName(name("a"), 1) }
            #expect(Set(names).count == 2)
            for name in names { _ = try RecordingFile(folder.path(name)) }
            for (folder, name) in zip([folder, other], names) { folder.made(name) }
            #expect(other.findName(name("b"), 1) != nil)
            for number in 0..<2 { _ = try RecordingFile(folder.path("\(number).hmmrec")) }
            #expect(folder.findName(name("b"), 1) == nil && other.findName(name("c"), 1) == nil)
        }
    }

    @Test func aFileIsLockedForAsLongAsItIsWritten() throws {
        try withFolder(files: 2) { folder in
            let path = folder.path("a.hmmrec")
            let descriptor = try withExtendedLifetime(RecordingFile(path)) {
                let descriptor = open(path, O_RDWR)
                #expect(flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
                return descriptor
            }
            #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
            close(descriptor)
        }
    }

    /// The rule goes on being what it is, and whoever clears the directory is heard.
    @Test func aTenantWithoutAPlaceMayAskAgain() async throws {
        let place = try PrivateFolder(under: "/tmp")
        defer { place.remove() }
        var policy = RecordingPolicy(folder: place.path)
        policy.files = 1
        let recording = policy
        try await TestServer.run({ $0.recording = recording }) { fixture in
            let client = try await fixture.client(tenant: 0)
            #expect(try await client.ask("mm.create") == "+ mm=1")
            try await fixture.wait { try! !FileManager.default.contentsOfDirectory(atPath: place.path).isEmpty }
            let other = try await fixture.client(tenant: 1)
            #expect(try await other.ask("mm.create") == "+ mm=1")
            #expect(try await other.ask("record start").hasPrefix("- LIMIT EDQUOT : "))
            #expect(try await other.ask("record").hasPrefix("+ state=off rule=yes bytes="))
            try await fixture.wait { fixture.log.contains("tenants go unrecorded") }
            for name in try FileManager.default.contentsOfDirectory(atPath: place.path) {
                try FileManager.default.removeItem(atPath: "\(place.path)/\(name)")
            }
            #expect(try await other.ask("record start").hasPrefix("+ state=on rule=yes file=hmmd-"))
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: place.path)
        #expect(names.count == 1)
        try Data(contentsOf: URL(filePath: "\(place.path)/\(try #require(names.first))")).withUnsafeBytes { bytes in
            var reader = try RecordingReader(bytes)
            var replay = Replay(reader.header)
            var last: Record?
            while let record = try reader.next(bytes) {
                try replay.play(record)
                last = record
            }
            #expect(reader.header.tenant == name("other") && last?.event == .end(.closed))
        }
    }

    /// While much waits for the disk, recordings with more than their share of it end, and the others go on.
    @Test func whoFillsTheQueueOfAllEnds() throws {
        try withFolder(files: 20) { folder in
            let hold = DispatchSemaphore(value: 0)
            folder.writer.execute { hold.wait() }
            defer { hold.signal() }
            let recordings = try ["a", "b"].map {
                try #require(folder.begin(name($0), Limits(), TenantPolicy(), .always))
            }
            for recording in recordings { _ = recording.begin { _ in } }
            func record(_ count: Int, in recording: Recording) {
                let bytes = [UInt8](repeating: 10, count: count)
                let now = Instant(nanoseconds: 1)
                _ = recording.record(
                    requests: bytes, of: ConnectionID(rawValue: 1), at: now, causing: Effects())
            }
            for recording in recordings { record(2 << 20, in: recording) }
            #expect(recordings.allSatisfy { $0.length != nil })
            // As a hundred others.
            for _ in 0..<100 { folder.backlog.change(from: 0, to: 4 << 20) }
            record(1 << 20, in: recordings[0])
            record(100, in: recordings[1])
            #expect(recordings[0].place?.end == .behind)
            #expect(recordings[1].place?.end == nil && recordings[1].length != nil)
        }
    }

    /// What has been written is told no longer, and what ended is not failed by others.
    @Test func nothingWaitsInTheEnd() async throws {
        let place = try PrivateFolder(under: "/tmp")
        defer { place.remove() }
        let folder = try RecordingFolder(
            RecordingPolicy(folder: place.path), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        // More than are synchronized each by itself.
        let recordings = try (0..<40).map {
            try #require(folder.begin(name("a\($0)"), Limits(), TenantPolicy(), .always))
        }
        for recording in recordings {
            _ = recording.begin { _ in }
            _ = recording.record(.drain, at: Instant(nanoseconds: 1), causing: Effects())
        }
        for recording in recordings.prefix(10) { recording.finish(.closed) }
        for _ in 0..<3000 where folder.unsynchronized < 30 { try await Task.sleep(for: .milliseconds(10)) }
        folder.writer.execute { folder.synchronizeAll() }
        await folder.writer.hasRun()
        #expect(folder.unsynchronized == 0)
        for recording in recordings { recording.finish(.closed) }
        await folder.finish()
        #expect(recordings.allSatisfy { $0.place?.end == .closed })
        #expect(!folder.backlog.isPassed(own: 1) && folder.backlog.isEmpty)
    }

    /// A disk that makes no files uses up no places, and leaves none that are empty.
    @Test func filesThatWereNotMadeDoNotCount() async throws {
        let place = try PrivateFolder(under: "/tmp")
        defer { place.remove() }
        var policy = RecordingPolicy(folder: place.path)
        policy.files = 3
        let recording = policy
        try await TestServer.run({ $0.recording = recording }) { fixture in
            try FileManager.default.moveItem(atPath: place.path, toPath: place.path + "-away")
            for life in 1...6 {
                let client = try await fixture.client()
                let said = try await client.ask("ping")
                if said.hasPrefix("*") { #expect(try await client.line() == "+") }
                try await client.send("quit")
                _ = try await client.ending()
                try await fixture.waitUntilEmpty()
                try await fixture.wait { fixture.log.count(of: "reason=\"open: ") == life }
            }
            try FileManager.default.moveItem(atPath: place.path + "-away", toPath: place.path)
            let client = try await fixture.client()
            #expect(try await client.ask("record").hasPrefix("+ state=on rule=yes file="))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.path).count == 1)
    }
}
