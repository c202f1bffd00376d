/// Octets by rule, for ranges too long to be sent.
public enum Fill: Equatable, Sendable {
    /// Every byte is this one.
    case byte(UInt8)
    /// Every byte of page i of the range is this one plus i, modulo 256.
    case bytePlusPage(UInt8)
    /// 32-bit little-endian integers: element i is i, or -i.
    case integers(negative: Bool)

    /// Writes what comes `offset` bytes into the range.
    public func write(to destination: UnsafeMutableRawBufferPointer, at offset: UInt64) {
        switch self {
        case .byte(let byte): destination.initializeMemory(as: UInt8.self, repeating: byte)
        case .bytePlusPage(let first):
            for index in destination.indices {
                destination[index] = first &+ UInt8(truncatingIfNeeded: (offset + UInt64(index)) >> PageSize.shift)
            }
        case .integers(let negative):
            for index in destination.indices {
                let at = offset + UInt64(index)
                let element = UInt32(truncatingIfNeeded: at >> 2)
                destination[index] = UInt8(
                    truncatingIfNeeded: (negative ? 0 &- element : element) >> UInt32((at & 3) * 8))
            }
        }
    }
}

/// Whole pages that hold one byte value each.
public struct PageContent: Equatable, Sendable {
    public enum Value: Equatable, Sendable {
        case byte(UInt8)
        /// The bytes differ.
        case mixed
        /// It has been written.
        case written
        /// The access faulted. Kernel: SIGSEGV, SIGBUS.
        case segmentation, busError
    }

    public let start: Page
    public var count: UInt64
    public let value: Value
}

extension [PageContent] {
    /// Adds pages, as part of the last run where they continue it.
    mutating func add(_ page: Page, _ value: PageContent.Value, count pages: UInt64 = 1) {
        if let last, last.value == value, last.start + last.count == page {
            self[count - 1].count += pages
        } else {
            append(PageContent(start: page, count: pages, value: value))
        }
    }
}

extension Machine {
    /// What whole pages of a range hold that are ready for the CPU.
    public func contents(_ space: SpaceID, _ pages: PageRange) -> [PageContent] {
        guard let index = spaces.index(of: space) else { return [] }
        return Self.contents(spaces[index].table, physical, pages)
    }

    /// What whole pages of a range hold that a device can translate.
    public func deviceContents(_ mirror: MirrorID, _ pages: PageRange) -> [PageContent] {
        guard let index = mirrors.index(of: mirror) else { return [] }
        return Self.contents(mirrors[index].table, physical, pages)
    }

    /// What pages of a file hold, by their number in it.
    public func fileContents(_ file: FileID, _ pages: PageRange) -> [PageContent] {
        guard let index = files.index(of: file) else { return [] }
        return Self.contents(files[index].pages, physical, pages)
    }

    private static func contents(
        _ table: borrowing PageTable, _ physical: borrowing PhysicalMemory, _ pages: PageRange
    ) -> [PageContent] {
        var contents: [PageContent] = []
        for offset in 0..<pages.count {
            let entry = table[pages.start + offset]
            contents.add(pages.start + offset, entry.hasFrame ? value(of: physical.bytes(entry.frame)) : .byte(0))
        }
        return contents
    }

    private static func value(of bytes: UnsafeMutableRawPointer) -> PageContent.Value {
        let words = bytes.assumingMemoryBound(to: UInt64.self)
        let first = words[0]
        let byte = UInt8(truncatingIfNeeded: first)
        guard first == UInt64(byte) &* 0x0101_0101_0101_0101 else { return .mixed }
        for index in 1..<PageSize.bytes / 8 where words[index] != first { return .mixed }
        return .byte(byte)
    }

    /// Fills present, writable memory.
    public mutating func fill(
        _ space: SpaceID, _ address: UInt64, _ length: UInt64, with fill: Fill, from start: UInt64 = 0
    ) {
        guard let index = spaces.index(of: space) else { return }
        Self.fill(spaces[index].table, physical, address, length, fill, start)
    }

    /// Fills memory that a device can translate for writing.
    public mutating func deviceFill(
        _ mirror: MirrorID, _ address: UInt64, _ length: UInt64, with fill: Fill, from start: UInt64 = 0
    ) {
        guard let index = mirrors.index(of: mirror) else { return }
        Self.fill(mirrors[index].table, physical, address, length, fill, start)
    }

    /// Fills pages of a file that are there.
    public mutating func fileFill(
        _ file: FileID, _ offset: UInt64, _ length: UInt64, with fill: Fill, from start: UInt64
    ) {
        guard let index = files.index(of: file) else { return }
        Self.fill(files[index].pages, physical, offset, length, fill, start)
    }

    private static func fill(
        _ table: borrowing PageTable, _ physical: borrowing PhysicalMemory, _ address: UInt64, _ length: UInt64,
        _ fill: Fill, _ start: UInt64
    ) {
        var done: UInt64 = 0
        while done < length {
            let at = address + done
            let count = min(UInt64(PageSize.bytes) - at & 4095, length - done)
            let entry = table[Page(containing: at)]
            if entry.hasFrame {
                let piece = UnsafeMutableRawBufferPointer(
                    start: physical.bytes(entry.frame) + Int(at & 4095), count: Int(count))
                fill.write(to: piece, at: start + done)
            }
            done += count
        }
    }
}
