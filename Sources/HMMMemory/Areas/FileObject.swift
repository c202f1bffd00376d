/// A file in memory: named by the tenant, or without a name behind shared anonymous memory. Kernel: a tmpfs inode with
/// its `struct address_space`.
public struct FileObject: ~Copyable {
    /// Bytes.
    public internal(set) var length: UInt64
    /// Its pages that are there, by their number in the file; the others are holes. Kernel: i_pages.
    var pages: PageTable
    /// Pages that are there.
    public internal(set) var present: UInt64 = 0
    /// The areas that map it. Kernel: i_mmap.
    var map = ReverseMap()
    /// Its name and the areas that map it.
    var holders = 1
    /// It was made for shared memory and never had a name.
    public let isAnonymous: Bool

    init(_ budget: NodeBudget, length: UInt64, isAnonymous: Bool) {
        self.length = length
        self.isAnonymous = isAnonymous
        pages = PageTable(budget, mayForget: false)
    }

    /// Pages up to its end.
    public var pageCount: UInt64 { (length + UInt64(PageSize.bytes) - 1) >> PageSize.shift }
    /// Areas that map it.
    public var mappings: Int { map.links.count }
}

extension Machine {
    /// A file of `length` bytes, all of it one hole.
    public mutating func makeFile(length: UInt64, isAnonymous: Bool = false) -> FileID {
        files.append(FileObject(tableNodes, length: length, isAnonymous: isAnonymous))
    }

    /// Someone is about to map a file: it stays until its name has been taken away once more.
    mutating func keep(_ id: FileID) {
        if let index = files.index(of: id) { files[index].holders += 1 }
    }

    /// Takes a file's name away; what still maps it keeps it. Kernel: unlink(2).
    public mutating func forgetName(_ id: FileID) {
        guard let index = files.index(of: id) else { return }
        files[index].holders -= 1
        noteIfUnused(id)
    }

    /// A file that nothing holds any more goes, before anything else happens: it may be long.
    mutating func noteIfUnused(_ id: FileID) {
        if let index = files.index(of: id), files[index].holders == 0 { unusedFiles.append(id) }
    }

    public var hasUnusedFiles: Bool { !unusedFiles.isEmpty }

    /// Frees what nothing holds any more, until the slice is spent; false when there is more. Kernel: evict_inode().
    mutating func freeUnusedFiles() -> Bool {
        while let id = unusedFiles.last {
            if let index = files.index(of: id) {
                var page = Page(number: 0)
                guard dropPages(index, from: &page, before: AddressSpace.highest) else { return false }
                _ = files.remove(id)
            }
            unusedFiles.removeLast()
        }
        return true
    }

    /// Frees pages of a file from `page` on, until the slice is spent; false when there is more.
    mutating func dropPages(_ file: Int, from page: inout Page, before end: Page) -> Bool {
        while let piece = files[file].pages.nextLeaf(from: page, before: end) {
            if isSliceSpent { return false }
            page = piece.start + UInt64(piece.count)
            spend(UInt64(piece.count) * Slice.entry)
            dropPages(file, from: piece.start.number, to: page.number)
        }
        return true
    }

    /// Frees pages of a file that nothing maps any more. Kernel: truncate_inode_pages_range().
    mutating func dropPages(_ file: Int, from start: UInt64, to end: UInt64) {
        var frames: [FrameNumber] = []
        let range = PageRange(Page(number: start), Page(number: end))
        files[file].pages.removeAll(range) { _, entry in frames.append(entry.frame) }
        files[file].pages.prune(range)
        files[file].present -= UInt64(frames.count)
        for frame in frames { release(frame) }
    }

    /// The frame of a page of a file, or nil for a hole.
    func filePage(_ file: Int, _ page: UInt64) -> FrameNumber? {
        let entry = files[file].pages[Page(number: page)]
        return entry.isNone ? nil : entry.frame
    }

    /// The frame of a page of a file; a hole gets a zeroed one, nil at the limit.
    mutating func obtainFilePage(_ file: Int, _ page: UInt64) -> FrameNumber? {
        if let frame = filePage(file, page) { return frame }
        guard files[file].pages.hasRoom(for: Page(number: page)), let frame = allocateZeroed() else { return nil }
        physical.frame(frame).pointee.object = files.id(at: file).rawValue
        physical.frame(frame).pointee.index = page
        files[file].pages.set(Page(number: page), PageEntry(.system, frame, writable: true))
        files[file].present += 1
        return frame
    }

    /// Copies bytes of a file, holes as zeroes; they end before its end. Kernel: read(2).
    public func loadFile(_ id: FileID, _ offset: UInt64, into destination: UnsafeMutableRawBufferPointer) {
        guard let file = files.index(of: id) else { return }
        Self.load(files[file].pages, physical, offset, into: destination)
    }

    /// Stores `source`, repeated as needed, in pages of a file that are there, from the octet `start` on of all the
    /// repetitions. Kernel: write(2).
    mutating func storeFile(
        _ id: FileID, _ offset: UInt64, _ length: UInt64, from source: UnsafeRawBufferPointer, _ start: UInt64
    ) {
        guard let file = files.index(of: id) else { return }
        Self.store(files[file].pages, physical, offset, length, from: source, start)
    }
}

/// The end of files: of one that loses its name, and of those that nothing holds any more. Kernel: unlink(2).
public struct FileRemoval: SteppedWork {
    private var file: FileID?

    /// `file` is about to lose its name.
    public init(_ file: FileID? = nil) { self.file = file }

    public mutating func step(_ machine: inout Machine) -> Step {
        if let file { machine.forgetName(file) }
        file = nil
        return machine.freeUnusedFiles() ? .done : .more
    }
}
