/// Takes pages out of a file, and away from everyone who maps them. Kernel: unmap_mapping_range() and
/// truncate_inode_pages_range().
public struct FileCut: SteppedWork {
    public let file: FileID
    /// Page offsets in the file; what is shortened is cut to the end it has in the end.
    public let start: UInt64
    public let end: UInt64
    /// What address spaces have written for themselves goes, too: the file has become shorter.
    private let copiesToo: Bool
    /// The length it shall have afterwards, in bytes.
    private let length: UInt64?
    private var walk = LinkWalk()
    private var current: Hold?
    /// How far the part at work, or the file, has been emptied.
    private var cursor: Page?
    /// Parts that have been emptied a second time.
    private var again = 0
    private var pending: PageChange?
    /// Pages that went from the file.
    public private(set) var dropped: UInt64 = 0

    public init(_ file: FileID, from start: UInt64, to end: UInt64, copiesToo: Bool, length: UInt64? = nil) {
        self.file = file
        self.start = start
        self.end = end
        self.copiesToo = copiesToo
        self.length = length
    }

    /// `truncate`: everything from `length` bytes on.
    public init(truncating file: FileID, to length: UInt64, _ machine: borrowing Machine) {
        let old = machine.files.index(of: file).map { machine.files[$0].pageCount } ?? 0
        let pages = (length + UInt64(PageSize.bytes) - 1) >> PageSize.shift
        self.init(file, from: pages, to: max(pages, old), copiesToo: true, length: length)
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.files.index(of: file) else {
            return .failed(MemoryFault(.gone, Page(number: start)))
        }
        if let part = current {
            guard empty(part, &machine) else { return .more }
            current = nil
        }
        // Others may have made it longer meanwhile.
        let end = length == nil ? end : max(end, machine.files[index].pageCount)
        if start < end {
            if let part = next(&machine, index, end) {
                current = part
                return .invalidate(Invalidation(part.space, part.range, .clear))
            }
            // A fault nearby may have mapped pages again meanwhile; no device can have. Kernel: the second
            // unmap_mapping_range() of truncate_pagecache().
            while again < told.count {
                guard empty(told[again], &machine) else { return .more }
                again += 1
            }
            guard drop(&machine, index, end) else { return .more }
        }
        if let length { machine.setLength(index, length) }
        return .done
    }

    /// The parts of areas that have been announced.
    public var told: [Hold] { walk.met }

    /// The next part to announce.
    private mutating func next(_ machine: inout Machine, _ index: Int, _ end: UInt64) -> Hold? {
        var spent: UInt64 = 0
        defer { machine.spend(spent) }
        return walk.next(
            machine.files[index].map, of: .init(object: file.rawValue, isAnonymous: false), start, end, &spent)
    }

    /// Takes the pages away from one who maps them; false when there is more.
    private mutating func empty(_ part: Hold, _ machine: inout Machine) -> Bool {
        if machine.isSliceSpent { return false }
        // Afterwards, so that every slice gets on.
        defer { machine.spend(8 * Slice.entry) }
        guard let space = machine.spaces.index(of: part.space) else { return true }
        var page = cursor ?? part.range.start
        var freed: UInt64 = 0
        let isDone = machine.zap(space, part.range, from: &page, &freed, filesOnly: !copiesToo)
        cursor = isDone ? nil : page
        return isDone
    }

    /// Drops the file's own pages; false when there is more.
    private mutating func drop(_ machine: inout Machine, _ index: Int, _ end: UInt64) -> Bool {
        var page = cursor ?? Page(number: start)
        let last = Page(number: end)
        let before = machine.files[index].present
        let isDone = machine.dropPages(index, from: &page, before: last)
        dropped += before - machine.files[index].present
        cursor = isDone ? nil : page
        guard isDone else { return false }
        machine.dropPages(index, from: start, to: end)
        return true
    }
}

extension Machine {
    /// Sets a file's length; what its last page held beyond it reads as zeroes. Kernel: i_size and the partial page.
    mutating func setLength(_ file: Int, _ length: UInt64) {
        let offset = Int(length & 4095)
        if offset > 0, length < files[file].length, let frame = filePage(file, length >> PageSize.shift) {
            (physical.bytes(frame) + offset).initializeMemory(
                as: UInt8.self, repeating: 0, count: PageSize.bytes - offset)
        }
        files[file].length = length
    }
}
