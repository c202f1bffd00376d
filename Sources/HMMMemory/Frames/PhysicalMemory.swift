/// Page frames with real bytes: system memory from below, device memory from above, in sections of 2 MiB that exist
/// only while a frame of theirs is in use.
public struct PhysicalMemory: ~Copyable {
    /// Frames of the whole physical address space: 1 TiB.
    static let frameLimit: UInt64 = 1 << 28
    /// System memory begins here, so that no frame has number 0.
    static let systemBase: UInt64 = 0x1000

    /// Sections by number, in pieces of 512.
    private let directory: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<Section>?>?>
    private static let directorySize = Int(frameLimit >> 18)
    /// One empty section kept, so that a frame that comes and goes does not cost the system calls of 2 MiB.
    private var spare: UnsafeMutablePointer<Section>?

    /// Frames in use, of all kinds.
    public private(set) var used: UInt64 = 0
    /// What getting sections from the operating system and giving them back has cost, see `Slice`.
    private(set) var spent: UInt64 = 0
    /// Most frames that may be in use.
    public internal(set) var limit: UInt64
    /// Frames set aside for work that waits, see `Promise`.
    var promised: UInt64 = 0

    init(limit: UInt64) {
        self.limit = limit
        directory = .allocate(capacity: Self.directorySize)
        directory.initialize(repeating: nil, count: Self.directorySize)
    }

    deinit {
        for high in 0..<Self.directorySize {
            guard let piece = directory[high] else { continue }
            for low in 0..<512 { if let section = piece[low] { Self.destroy(section) } }
            piece.deallocate()
        }
        if let spare { Self.destroy(spare) }
        directory.deallocate()
    }

    private static func destroy(_ section: UnsafeMutablePointer<Section>) {
        section.deinitialize(count: 1)
        section.deallocate()
    }

    @inline(__always)
    private func section(_ frame: FrameNumber) -> UnsafeMutablePointer<Section> {
        let number = frame.number
        return directory[Int(number >> 18)].unsafelyUnwrapped[Int(number >> 9) & 511].unsafelyUnwrapped
    }

    /// The 4096 bytes of a frame in use.
    @inline(__always)
    public func bytes(_ frame: FrameNumber) -> UnsafeMutableRawPointer {
        section(frame).pointee.bytes + Int(frame.number & 511) << 12
    }

    /// What is known of a frame in use.
    @inline(__always)
    func frame(_ frame: FrameNumber) -> UnsafeMutablePointer<Frame> {
        section(frame).pointee.frames + Int(frame.number & 511)
    }

    /// There is memory of that number.
    func exists(_ frame: FrameNumber) -> Bool {
        frame.number < Self.frameLimit && existingSection(frame.number >> 9) != nil
    }

    // MARK: Allocation

    /// Takes the lowest free frame of `zone`, with one reference and undefined bytes. Nil when the zone or the limit of
    /// frames in use is reached. A frame that takes the place of another, freed next, or that has been promised, may
    /// pass the limit.
    mutating func allocate(_ zone: inout Zone, replacing: Bool = false) -> FrameNumber? {
        guard used + promised < limit || replacing, let index = zone.firstAvailable else { return nil }
        let section = obtain(zone.firstSection + UInt64(index))
        let slot = section.pointee.takeLowest(below: zone.capacity(ofSection: index))
        guard let slot else { return nil }
        used += 1
        zone.used += 1
        if section.pointee.used == zone.capacity(ofSection: index) { zone.setAvailable(index, false) }
        let frame = FrameNumber(number: (zone.firstSection + UInt64(index)) << 9 | UInt64(slot))
        (section.pointee.frames + slot).initialize(to: Frame())
        return frame
    }

    /// Takes 512 frames that begin at a multiple of 512, or nil when there are none or the limit is too near.
    mutating func allocateHuge(_ zone: inout Zone, promised isPromised: Bool = false) -> FrameNumber? {
        guard used + promised + 512 <= limit || isPromised, zone.used + 512 <= zone.capacity else { return nil }
        var index = 0
        while zone.isAvailable(index) == false
            || (existingSection(zone.firstSection + UInt64(index))?.pointee.used ?? 0) > 0
        {
            index += 1
            guard UInt64(index) << 9 < zone.capacity else { return nil }
        }
        guard zone.capacity(ofSection: index) == 512 else { return nil }
        let section = obtain(zone.firstSection + UInt64(index))
        section.pointee.takeAll()
        used += 512
        zone.used += 512
        zone.setAvailable(index, false)
        for slot in 0..<512 { (section.pointee.frames + slot).initialize(to: Frame()) }
        return FrameNumber(number: (zone.firstSection + UInt64(index)) << 9)
    }

    private func existingSection(_ number: UInt64) -> UnsafeMutablePointer<Section>? {
        directory[Int(number >> 9)]?[Int(number & 511)]
    }

    /// The first frame in use from `frame` up to `end`; costs what sections there are, not what frames.
    func nextUsed(from frame: FrameNumber, before end: UInt64) -> FrameNumber? {
        var number = frame.number
        while number < end {
            if let section = existingSection(number >> 9), section.pointee.used > 0,
                let slot = section.pointee.nextUsed(from: Int(number & 511))
            {
                let found = number & ~511 | UInt64(slot)
                return found < end ? FrameNumber(number: found) : nil
            }
            number = (number | 511) + 1
        }
        return nil
    }

    /// Drops a reference; the last one frees the frame. Returns true when it was the last. Kernel: put_page().
    @discardableResult
    mutating func release(_ number: FrameNumber, _ zone: inout Zone) -> Bool {
        let frame = frame(number)
        frame.pointee.references -= 1
        guard frame.pointee.references == 0 else { return false }
        let section = section(number)
        section.pointee.putBack(Int(number.number & 511))
        used -= 1
        zone.used -= 1
        let index = Int((number.number >> 9) - zone.firstSection)
        zone.setAvailable(index, true)
        if section.pointee.used == 0 { discard(zone.firstSection + UInt64(index)) }
        return true
    }

    private mutating func obtain(_ number: UInt64) -> UnsafeMutablePointer<Section> {
        let high = Int(number >> 9)
        let low = Int(number & 511)
        let piece = directory[high] ?? makePiece(high)
        if let section = piece[low] { return section }
        if spare == nil { spent &+= Slice.section }
        let section = spare ?? Self.makeSection()
        spare = nil
        piece[low] = section
        return section
    }

    private mutating func makePiece(_ high: Int) -> UnsafeMutablePointer<UnsafeMutablePointer<Section>?> {
        let piece = UnsafeMutablePointer<UnsafeMutablePointer<Section>?>.allocate(capacity: 512)
        piece.initialize(repeating: nil, count: 512)
        directory[high] = piece
        return piece
    }

    private static func makeSection() -> UnsafeMutablePointer<Section> {
        let section = UnsafeMutablePointer<Section>.allocate(capacity: 1)
        section.initialize(to: Section())
        return section
    }

    private mutating func discard(_ number: UInt64) {
        let piece = directory[Int(number >> 9)].unsafelyUnwrapped
        guard let section = piece[Int(number & 511)] else { return }
        piece[Int(number & 511)] = nil
        guard spare != nil else { return spare = section }
        spent &+= Slice.section
        Self.destroy(section)
    }
}

/// 512 frames: their bytes, what is known of them, and which are free.
struct Section: ~Copyable {
    let bytes: UnsafeMutableRawPointer
    let frames: UnsafeMutablePointer<Frame>
    /// One bit a frame, set when free.
    private var free = InlineArray<8, UInt64>(repeating: .max)
    private(set) var used = 0

    init() {
        bytes = .allocate(byteCount: 512 * PageSize.bytes, alignment: PageSize.bytes)
        frames = .allocate(capacity: 512)
    }

    deinit {
        bytes.deallocate()
        frames.deallocate()
    }

    /// The lowest free slot below `capacity`, now in use.
    mutating func takeLowest(below capacity: Int) -> Int? {
        for word in 0..<8 where free[word] != 0 {
            let slot = word * 64 + free[word].trailingZeroBitCount
            guard slot < capacity else { return nil }
            free[word] &= free[word] - 1
            used += 1
            return slot
        }
        return nil
    }

    /// Every slot is in use from now on; none was.
    mutating func takeAll() {
        for word in 0..<8 { free[word] = 0 }
        used = 512
    }

    /// The first slot in use from `slot` on.
    func nextUsed(from slot: Int) -> Int? {
        var word = slot >> 6
        var bits = ~free[word] & (.max << UInt64(slot & 63))
        while bits == 0 {
            word += 1
            guard word < 8 else { return nil }
            bits = ~free[word]
        }
        return word * 64 + bits.trailingZeroBitCount
    }

    mutating func putBack(_ slot: Int) {
        free[slot >> 6] |= 1 << UInt64(slot & 63)
        used -= 1
    }
}

/// A run of sections from which frames of one kind are taken: system memory, or one region of a device.
struct Zone {
    let firstSection: UInt64
    /// Frames it may hold.
    let capacity: UInt64
    var used: UInt64 = 0
    /// One bit a section, set unless all its frames are in use; grows as sections are reached.
    private var available: [UInt64] = [.max]

    init(firstFrame: UInt64, capacity: UInt64) {
        firstSection = firstFrame >> 9
        self.capacity = capacity
    }

    var firstFrame: FrameNumber { FrameNumber(number: firstSection << 9) }

    /// The lowest section that has a free frame.
    var firstAvailable: Int? {
        mutating get {
            if used >= capacity { return nil }
            for word in available.indices where available[word] != 0 {
                return word * 64 + available[word].trailingZeroBitCount
            }
            available.append(.max)
            return (available.count - 1) * 64
        }
    }

    /// Frames of the section that belong to the zone: fewer than 512 in the last one only.
    func capacity(ofSection index: Int) -> Int { Int(min(512, capacity - UInt64(index) << 9)) }

    /// False when all frames of a section are in use.
    func isAvailable(_ index: Int) -> Bool {
        index >> 6 >= available.count || available[index >> 6] & (1 << UInt64(index & 63)) != 0
    }

    mutating func setAvailable(_ index: Int, _ isAvailable: Bool) {
        while index >> 6 >= available.count { available.append(.max) }
        let bit: UInt64 = 1 << UInt64(index & 63)
        if isAvailable { available[index >> 6] |= bit } else { available[index >> 6] &= ~bit }
    }
}
