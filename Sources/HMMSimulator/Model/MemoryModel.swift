/// All the memory of a tenant as its users see it.
struct MemoryModel {
    typealias Rights = SpaceModel.Rights

    /// How a request ends that does not succeed.
    struct Refusal: Equatable {
        let code: String
        var errno: String?
        var page: UInt64?
    }

    var spaces: [UInt32: SpaceModel] = [:]
    var files: [Int: FileModel] = [:]
    var names: [String: Int] = [:]
    /// Those that files have lost, too.
    var everyName: [String: Int] = [:]
    private(set) var lastFile = 0

    static let zeroes = [UInt8](repeating: 0, count: 4096)
    static let hugePages = 8

    // MARK: Bytes

    func content(_ page: SpaceModel.Page) -> [UInt8] {
        if let bytes = page.bytes { return bytes }
        guard let (file, index) = page.backing.file else { return Self.zeroes }
        return files[file]?.pages[index] ?? Self.zeroes
    }

    /// It lies beyond the end of its file.
    func isBeyondEnd(_ page: SpaceModel.Page) -> Bool {
        guard let (file, index) = page.backing.file else { return false }
        return index >= files[file]?.pageCount ?? 0
    }

    func load(_ space: UInt32, _ va: UInt64, _ length: UInt64) -> [UInt8] {
        Self.pieces(va, length).flatMap { number, range in
            spaces[space]?.pages[number].map { content($0)[range] } ?? Self.zeroes[range]
        }
    }

    mutating func store(_ space: UInt32, _ va: UInt64, _ data: [UInt8]) {
        var done = 0
        for (number, range) in Self.pieces(va, UInt64(data.count)) {
            guard let page = spaces[space]?.pages[number] else { return }
            var bytes = content(page)
            bytes.replaceSubrange(range, with: data[done..<done + range.count])
            done += range.count
            if case .shared(let file, let index) = page.backing {
                files[file]?.pages[index] = bytes
                changed(file, index, isWhole: range.count == 4096)
            } else {
                spaces[space]?.pages[number]?.bytes = bytes
                if range.count == 4096 { spaces[space]?.pages[number]?.isFaded = false }
            }
        }
    }

    /// The pages of a byte range, each with its part of it.
    static func pieces(_ va: UInt64, _ length: UInt64) -> [(number: UInt64, range: Range<Int>)] {
        var found: [(UInt64, Range<Int>)] = []
        var at = va
        while at < va + length {
            let end = min(va + length, (at | 4095) + 1)
            found.append((at >> 12, Int(at & 4095)..<Int(at & 4095) + Int(end - at)))
            at = end
        }
        return found
    }

    // MARK: Files

    mutating func makeFile(_ length: UInt64) -> Int {
        lastFile += 1
        files[lastFile] = FileModel(length: length)
        return lastFile
    }

    mutating func writeFile(_ file: Int, _ offset: UInt64, _ data: [UInt8]) {
        guard var model = files[file] else { return }
        var done = 0
        for (number, range) in Self.pieces(offset, UInt64(data.count)) {
            model.pages[number, default: Self.zeroes].replaceSubrange(range, with: data[done..<done + range.count])
            done += range.count
        }
        model.length = max(model.length, offset + UInt64(data.count))
        files[file] = model
        for (number, range) in Self.pieces(offset, UInt64(data.count)) {
            changed(file, number, isWhole: range.count == 4096)
        }
    }

    func readFile(_ file: Int, _ offset: UInt64, _ length: UInt64) -> [UInt8] {
        guard let model = files[file], offset < model.length else { return [] }
        return Self.pieces(offset, min(length, model.length - offset)).flatMap {
            (model.pages[$0.number] ?? Self.zeroes)[$0.range]
        }
    }

    /// What lies beyond the new end goes, from those who have copied it as well.
    mutating func truncate(_ file: Int, _ length: UInt64) {
        let count = (length + 4095) >> 12
        for (space, model) in spaces {
            for (number, page) in model.pages where page.isCopied && (page.bytes != nil || page.isFaded) {
                guard let behind = page.backing.file, behind.id == file, behind.page >= count else { continue }
                spaces[space]?.pages[number]?.bytes = nil
                spaces[space]?.pages[number]?.isFaded = false
            }
        }
        guard var model = files[file] else { return }
        model.findAgain(length)
        model.pages = model.pages.filter { $0.key < count }
        let offset = Int(length & 4095)
        if length < model.length, offset > 0, let last = model.pages[length >> 12] {
            model.pages[length >> 12] = Array(last[..<offset]) + [UInt8](repeating: 0, count: 4096 - offset)
        }
        model.length = length
        files[file] = model
        if offset > 0 { changed(file, length >> 12, isWhole: false) }
    }

    // MARK: Areas

    struct Plan {
        var kind = "anon-private"
        var rights: Rights
        var file: Int?
        var offset: UInt64 = 0
        var isFixed = false
        var device: String?
    }

    /// Huge pages that are reserved.
    var reserved: Int {
        spaces.values.reduce(0) { $0 + $1.pages.filter { $0.key & 511 == 0 && $0.value.backing == .hugetlb }.count }
    }

    mutating func map(_ space: UInt32, _ range: Range<UInt64>, _ plan: Plan) {
        spaces[space]?.unmap(range)
        let first: SpaceModel.Backing =
            switch plan.kind {
            case "anon-shared": .shared(file: makeFile(UInt64(range.count) << 12), page: 0)
            case "file-shared": .shared(file: plan.file ?? 0, page: plan.offset)
            case "file-private": .copied(file: plan.file ?? 0, page: plan.offset)
            case "hugetlb": .hugetlb
            case "device": .device
            case "io": .io
            default: .anonymous
            }
        let page = SpaceModel.Page(rights: plan.rights, backing: first)
        for number in range { spaces[space]?.pages[number] = page.fresh(number - range.lowerBound) }
    }

    /// A copy; what is shared stays shared.
    mutating func fork(_ parent: UInt32, _ child: UInt32) {
        guard var copy = spaces[parent] else { return }
        copy.pages = copy.pages.filter { !$0.value.flags.contains("dontfork") }
        for (number, page) in copy.pages where page.flags.contains("wipeonfork") { copy.pages[number] = page.fresh(0) }
        spaces[child] = copy
    }

    /// Up to the first page that cannot have it.
    mutating func protect(_ space: UInt32, _ range: Range<UInt64>, _ rights: Rights) -> Refusal? {
        for number in range {
            guard let page = spaces[space]?.pages[number] else {
                return Refusal(code: "NOMAP", errno: "ENOMEM", page: number)
            }
            if page.backing == .hugetlb, page.rights != rights, number == range.lowerBound || number & 511 == 0 {
                let block = max(number, range.lowerBound)..<min(range.upperBound, (number | 511) + 1)
                if let cut = spaces[space]?.reservedCut(block) { return Refusal(code: "BADARG", page: cut) }
            }
            spaces[space]?.pages[number]?.rights = rights
        }
        return nil
    }
}
