/// Frames are taken, mapped and given back.
extension Machine {
    /// A frame of system memory, or nil at the limit; its bytes are undefined.
    mutating func allocateSystem(replacing: Bool = false) -> FrameNumber? {
        spend(Slice.page)
        return physical.allocate(&system, replacing: replacing)
    }

    mutating func allocateZeroed(promised: Bool = false) -> FrameNumber? {
        guard let frame = allocateSystem(replacing: promised) else { return nil }
        physical.bytes(frame).initializeMemory(as: UInt8.self, repeating: 0, count: PageSize.bytes)
        return frame
    }

    /// 512 zeroed frames of system memory in a row, each part of one huge page; nil when there are none.
    mutating func allocateHuge(promised: Bool = false) -> FrameNumber? {
        spend(512 * Slice.page)
        guard let first = physical.allocateHuge(&system, promised: promised) else { return nil }
        physical.bytes(first).initializeMemory(as: UInt8.self, repeating: 0, count: 512 * PageSize.bytes)
        for offset in 0..<512 { physical.frame(first.advanced(offset)).pointee.isLarge = true }
        return first
    }

    /// A frame of a device's first region that has one, or nil; its bytes are undefined. A device that grows gets one
    /// more region when it is full.
    mutating func allocate(on device: DeviceID, replacing: Bool = false) -> FrameNumber? {
        spend(Slice.page)
        guard let index = devices.index(of: device), !takeInjectedFailure(device) else { return nil }
        for region in devices[index].regions {
            guard let position = regions.index(of: region) else { continue }
            if let frame = physical.allocate(&regions[position].zone, replacing: replacing) { return frame }
            // Not full: the tenant's limit of frames is what stands in the way.
            if regions[position].used < regions[position].capacity { return nil }
        }
        guard let chunk = devices[index].chunk, promisedFrames + chunk <= regionFrames,
            regions.count < regionLimit,
            let region = try? makeRegion(device, pages: chunk),
            let position = regions.index(of: region)
        else { return nil }
        return physical.allocate(&regions[position].zone, replacing: replacing)
    }

    /// Lets the next allocations for migrations of a device fail.
    public mutating func injectFailures(_ device: DeviceID, _ count: UInt64) {
        if let index = devices.index(of: device) { devices[index].failedAllocations = count }
    }

    /// An allocation has to fail because someone asked for that; it counts as one.
    mutating func takeInjectedFailure(_ device: DeviceID?) -> Bool { takeInjectedFailures(device, atMost: 1) > 0 }

    /// As many of so many allocations have to fail; they count.
    mutating func takeInjectedFailures(_ device: DeviceID?, atMost count: UInt64) -> UInt64 {
        guard let device, let index = devices.index(of: device) else { return 0 }
        let failing = min(devices[index].failedAllocations, count)
        devices[index].failedAllocations -= failing
        return failing
    }

    /// Makes a new frame one of anonymous memory that one address space alone has. Kernel: folio_add_new_anon_rmap().
    mutating func makeAnonymous(_ frame: FrameNumber, _ area: Area, _ page: Page) {
        let metadata = physical.frame(frame)
        metadata.pointee.object = area.object
        metadata.pointee.index = area.offset(of: page)
        metadata.pointee.isAnonymous = true
        metadata.pointee.isExclusivelyOwned = true
    }

    /// Records that an entry maps a frame; the reference it holds is the caller's.
    @inline(__always)
    mutating func map(_ frame: FrameNumber) { physical.frame(frame).pointee.mappings += 1 }

    /// Takes a mapping of a frame away, and the reference that came with it; the last reference frees the frame.
    mutating func unmap(_ frame: FrameNumber) {
        physical.frame(frame).pointee.mappings -= 1
        release(frame)
    }

    @inline(__always)
    mutating func retain(_ frame: FrameNumber) { physical.frame(frame).pointee.references += 1 }

    /// Drops a reference; the last one gives the frame back to where it came from. Kernel: put_page().
    mutating func release(_ frame: FrameNumber) {
        let metadata = physical.frame(frame)
        if metadata.pointee.isLocked, metadata.pointee.references == 1 { return orphan(frame) }
        if frame.number < PhysicalMemory.frameLimit / 2 {
            physical.release(frame, &system)
        } else if let region = region(of: frame), let index = regions.index(of: region) {
            guard physical.release(frame, &regions[index].zone), let owner = devices.index(of: regions[index].device),
                devices[owner].reportsFreed
            else { return }
            freedDeviceFrames.append(frame)
        }
    }

    /// A file has been cut while a page of it is on its way: the migration has the last reference from now on.
    private mutating func orphan(_ frame: FrameNumber) {
        physical.frame(frame).pointee.object = 0
        stagedFrames += 1
    }

    /// A migration lets go of the page it was to move: true when nobody has it any more, and it is free again.
    mutating func unlock(_ frame: FrameNumber) -> Bool {
        setMigrating(frame, false)
        guard physical.frame(frame).pointee.object == 0 else { return false }
        stagedFrames -= 1
        release(frame)
        return true
    }

    /// The first frame of the huge page that `frame` is part of.
    static func head(_ frame: FrameNumber) -> FrameNumber { FrameNumber(number: frame.number & ~511) }

    /// The areas that may map a frame.
    func reverseMap(of frame: FrameNumber) -> ReverseMap? {
        let metadata = physical.frame(frame).pointee
        guard metadata.object != 0 else { return nil }
        if metadata.isAnonymous {
            // A pin keeps a frame when all who mapped it have gone, and what they shared with them.
            return anonymousObjects.contains(metadata.object) ? anonymousObjects[metadata.object].map : nil
        }
        return files.index(of: FileID(rawValue: metadata.object)).map { files[$0].map }
    }

    /// Where a frame may be mapped, in the order in which the kernel visits it. Returns how many links of its map have
    /// been looked at. Kernel: rmap_walk().
    func forEachPlace(of frame: FrameNumber, _ body: (SpaceID, Page) -> Bool) -> Int {
        reverseMap(of: frame)?.forEach(physical.frame(frame).pointee.index, body) ?? 0
    }

    /// The entry of `page` in `space` maps `frame`.
    func maps(_ space: SpaceID, _ page: Page, _ frame: FrameNumber) -> Bool {
        guard let index = spaces.index(of: space) else { return false }
        let entry = spaces[index].table[page]
        return entry.hasFrame && entry.frame == frame && !entry.isReserved
    }
}

extension FrameNumber {
    func advanced(_ count: Int) -> FrameNumber { FrameNumber(number: number + UInt64(count)) }
}
