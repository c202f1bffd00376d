/// What an address space is to its users: pages with a protection and bytes. No page tables, no frames, no devices.
struct SpaceModel {
    struct Rights: OptionSet {
        let rawValue: UInt8
        static let read = Rights(rawValue: 1)
        static let write = Rights(rawValue: 2)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(_ word: String) {
            self = []
            if word.contains("r") { insert(.read) }
            if word.contains("w") { insert(.write) }
        }

        var word: String { isEmpty ? "none" : "\(contains(.read) ? "r" : "")\(contains(.write) ? "w" : "")" }
    }

    let policy: String
    /// Mapped pages, by number.
    private(set) var rights: [UInt64: Rights] = [:]
    /// Pages that hold more than zeroes, as far as was ever written.
    private var bytes: [UInt64: [UInt8]] = [:]

    init(policy: String) { self.policy = policy }

    mutating func map(_ pages: Range<UInt64>, _ word: Rights) {
        for page in pages { rights[page] = word }
    }

    mutating func unmap(_ pages: Range<UInt64>) {
        for page in pages {
            rights[page] = nil
            bytes[page] = nil
        }
    }

    mutating func protect(_ pages: some Sequence<UInt64>, _ word: Rights) {
        for page in pages where rights[page] != nil { rights[page] = word }
    }

    /// The first page that is not mapped, or whose rights `isFit` refuses.
    func first(in pages: Range<UInt64>, unless isFit: (Rights) -> Bool) -> UInt64? {
        pages.first { page in rights[page].map { !isFit($0) } ?? true }
    }

    mutating func store(_ va: UInt64, _ length: UInt64, _ data: [UInt8]) {
        var at = va
        var phase = 0
        while at < va + length {
            let end = min(va + length, (at | 4095) + 1)
            var page = bytes[at >> 12] ?? [UInt8](repeating: 0, count: 4096)
            for address in at..<end {
                page[Int(address & 4095)] = data[phase]
                phase = phase + 1 == data.count ? 0 : phase + 1
            }
            bytes[at >> 12] = page
            at = end
        }
    }

    func load(_ va: UInt64, _ length: UInt64) -> [UInt8] {
        var result: [UInt8] = []
        var at = va
        while at < va + length {
            let end = min(va + length, (at | 4095) + 1)
            if let page = bytes[at >> 12] {
                result += page[Int(at & 4095)..<Int(at & 4095) + Int(end - at)]
            } else {
                result += repeatElement(0, count: Int(end - at))
            }
            at = end
        }
        return result
    }
}
