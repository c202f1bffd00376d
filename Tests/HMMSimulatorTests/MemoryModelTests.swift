import Testing

@testable import HMMSimulator

/// What the judge knows of bytes after something whose end nobody has heard, and when it knows again.
@Suite struct MemoryModelTests {
    private static let page = [UInt8](repeating: 7, count: 4096)

    /// Space 1 shares the first two pages of a file at page 16, and has a private mapping of them at page 32.
    private func twoMappings() -> (model: MemoryModel, file: Int) {
        var model = MemoryModel()
        model.spaces[1] = SpaceModel(policy: "fence")
        let file = model.makeFile(8192)
        var plan = MemoryModel.Plan(kind: "file-shared", rights: [.read, .write], file: file)
        model.map(1, 16..<18, plan)
        plan.kind = "file-private"
        model.map(1, 32..<34, plan)
        return (model, file)
    }

    private func isKnown(_ model: MemoryModel, _ page: UInt64) -> Bool {
        model.spaces[1]?.pages[page].map { model.known($0) != nil } ?? false
    }

    @Test func aPrivateMappingIsKnownUntilItsFileChanges() {
        var (model, _) = twoMappings()
        #expect(isKnown(model, 32))
        model.store(1, 16 << 12, [1])
        // It may have made its copy before.
        #expect(isKnown(model, 16) && !isKnown(model, 32) && isKnown(model, 33))
        model.store(1, 32 << 12, Self.page)
        #expect(isKnown(model, 32))
    }

    @Test func aFileIsKnownAgainPageByPage() {
        var (model, file) = twoMappings()
        model.fade(1, 16..<18)
        #expect(!isKnown(model, 16) && !isKnown(model, 17))
        model.writeFile(file, 0, Self.page)
        #expect(isKnown(model, 16) && !isKnown(model, 17))
        model.writeFile(file, 4096, [1])
        #expect(!isKnown(model, 17))
    }

    @Test func aLostFileIsKnownAgainOnceItHasALength() {
        var (model, file) = twoMappings()
        model.lose(file)
        #expect(!isKnown(model, 16))
        model.truncate(file, 4096)
        // How long it is, but not what it holds.
        #expect(!isKnown(model, 16) && model.files[file]?.isLost == false)
        model.truncate(file, 0)
        model.truncate(file, 8192)
        #expect(isKnown(model, 16) && isKnown(model, 17))
    }

    @Test func adviceDropsWhatNobodyKnows() {
        var (model, _) = twoMappings()
        model.map(1, 48..<49, MemoryModel.Plan(rights: [.read, .write]))
        model.fade(1, 48..<49)
        #expect(!isKnown(model, 48))
        #expect(model.advise(1, 48..<49, "dontneed") == nil)
        #expect(isKnown(model, 48))
    }
}
