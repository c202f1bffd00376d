import Testing

@testable import HMMMemory

/// What came of the whole.
struct Course: Equatable {
    var announced: [Invalidation] = []
    var fault: MemoryFault?
}

extension Machine {
    /// Carries out `work` in small slices; every mirror lets go at once. The state is checked after every step.
    @discardableResult
    mutating func run(_ work: inout some SteppedWork, at location: SourceLocation = #_sourceLocation) -> Course {
        var course = Course()
        defer { beginSlice(1 << 40) }
        while true {
            beginSlice(100)
            let step = work.step(&self)
            #expect(violations(after: step) == [], sourceLocation: location)
            switch step {
            case .done: return course
            case .more: continue
            case .failed(let fault):
                course.fault = fault
                return course
            case .invalidate(let invalidation):
                course.announced.append(invalidation)
                announce(invalidation)
            }
        }
    }

    @discardableResult
    mutating func run(_ work: some SteppedWork, at location: SourceLocation = #_sourceLocation) -> Course {
        var work = work
        return run(&work, at: location)
    }

    /// What is wrong with the state; where it is so large that each look would take seconds, nothing is looked at. A
    /// driver that is not told of its own migration is behind until that is over.
    private func violations(after step: Step) -> [String] {
        guard tableNodes.used < 1000, spaces.isEmpty || spaces[0].areas.areas.count < 1000 else { return [] }
        guard case .invalidate(let invalidation) = step, !invalidation.exempt.isEmpty else { return violations() }
        return violations().filter { !$0.hasPrefix("mirror") }
    }

    /// Tells the mirrors, which let go, and ends the announcement.
    mutating func announce(_ invalidation: Invalidation) {
        for mirror in begin(invalidation) { letGo(mirror, invalidation.range) }
        end(invalidation)
    }

    /// Gives the frames of a pin back; how many pages had been asked for.
    @discardableResult
    mutating func unpin(_ pin: PinID) -> UInt64 {
        var work = Unpinning([pin])
        run(&work)
        return work.pages
    }

    /// Pages of a range that a mirror's device has for itself.
    mutating func exclusivelyHeld(_ mirror: MirrorID, _ range: PageRange) -> UInt64 {
        var work = ExclusiveCount(mirror, range)
        run(&work)
        return work.count
    }

    /// Stores `text` at the start of each of `pages`.
    @discardableResult
    mutating func write(_ space: SpaceID, _ pages: PageRange, _ text: String = "x") -> Course {
        let course = run(CPUAccess(space, pages, write: true))
        guard course.fault == nil else { return course }
        for page in pages.start.number..<pages.end.number {
            Array(text.utf8).withUnsafeBytes { store(space, page << 12, UInt64($0.count), from: $0) }
        }
        return course
    }

    /// The first bytes of a page, after the CPU has read it.
    mutating func read(_ space: SpaceID, _ page: Page, count: Int = 1) -> String? {
        guard run(CPUAccess(space, PageRange(page), write: false)).fault == nil else { return nil }
        var octets = [UInt8](repeating: 255, count: count)
        octets.withUnsafeMutableBytes { load(space, page.address, into: $0) }
        return String(decoding: octets, as: UTF8.self)
    }

    func entry(_ space: SpaceID, _ page: UInt64) -> PageEntry {
        spaces[spaces.index(of: space)!].table[Page(number: page)]
    }

    func entry(_ mirror: MirrorID, _ page: UInt64) -> PageEntry {
        mirrors[mirrors.index(of: mirror)!].table[Page(number: page)]
    }

    /// What the pages are, a letter each: `-` nothing, `z` zero page, `s` system, `d` private device memory,
    /// `c` coherent, `x` exclusive, `m` on its way; capital when writable.
    func picture(_ space: SpaceID, _ pages: PageRange) -> String {
        String((pages.start.number..<pages.end.number).map { letter(entry(space, $0)) })
    }

    func picture(_ mirror: MirrorID, _ pages: PageRange) -> String {
        String((pages.start.number..<pages.end.number).map { letter(entry(mirror, $0)) })
    }

    private func letter(_ entry: PageEntry) -> Character {
        switch entry.kind {
        case .none: "-"
        case .zero: "z"
        case .system: entry.isWritable ? "S" : "s"
        case .devicePrivate: entry.isWritable ? "D" : "d"
        case .coherent: entry.isWritable ? "C" : "c"
        case .exclusive: entry.isWritable ? "X" : "x"
        case .migrating: "m"
        }
    }
}

extension PageRange {
    /// `count` pages from the page numbered `start`.
    init(_ start: UInt64, count: UInt64) { self.init(Page(number: start), Page(number: start + count)) }
}

/// A machine with one space, readable and writable from page 16, and two devices: `gpu` with a region of 8 pages and
/// `other` with one of 4.
struct Bench: ~Copyable {
    var machine: Machine
    let space: SpaceID
    let gpu: DeviceID
    let other: DeviceID

    init(
        pages: UInt64 = 1024, frameLimit: UInt64 = 4096, _ kind: Region.Kind = .devicePrivate,
        profile: DeviceProfile = .standard
    ) throws {
        machine = Machine(frameLimit: frameLimit)
        space = machine.makeSpace()
        gpu = machine.makeDevice(profile)
        other = machine.makeDevice(profile)
        _ = try machine.makeRegion(gpu, pages: 8, kind)
        _ = try machine.makeRegion(other, pages: 4, kind)
        if pages > 0 { try map(16, pages) }
    }

    /// Maps memory; private, anonymous, readable and writable unless the plan's other words say otherwise.
    @discardableResult
    mutating func map(
        _ start: UInt64, _ count: UInt64, _ protection: Protection = [.read, .write], _ kind: Area.Kind = .anonymous,
        shared: Bool = false, file: FileID? = nil, offset: UInt64 = 0
    ) throws -> PageRange {
        let plan = MappingPlan(
            at: Page(number: start), count: count, protection, kind, shared: shared, file: file, offset: offset)
        return try machine.mapArea(space, plan, areaLimit: 4096)
    }

    /// A mirror of everything for `gpu`, unless another device is meant.
    mutating func mirror(_ device: DeviceID? = nil) throws -> MirrorID {
        try required(machine.makeMirror(space, device ?? gpu, AddressSpace.everything))
    }

    /// Moves pages to a device, `gpu` unless another is meant.
    @discardableResult
    mutating func moveToDevice(_ pages: PageRange, _ device: DeviceID? = nil) -> Course {
        machine.run(Migration(space, pages, .there(device ?? gpu)))
    }

    /// Moves pages of any device to system memory.
    @discardableResult
    mutating func moveBack(_ pages: PageRange) -> Course { machine.run(Migration(space, pages, .back())) }

    /// A device fault of all pages.
    @discardableResult
    mutating func fault(_ mirror: MirrorID, _ pages: PageRange, write: Bool = false) -> Course {
        machine.run(RangeFault(mirror, pages, FaultRequest(write ? .write : .read), machine))
    }

    /// A copy of the space.
    mutating func fork() throws -> SpaceID {
        var work = Fork(space)
        machine.run(&work)
        return try required(work.child)
    }

    /// `count` pages from the multiple of 512 at `base` on, as one huge page, in an area of their own and written.
    mutating func mapHuge(_ base: UInt64, _ count: UInt64 = 512) throws {
        try map(base, count)
        machine.run(AdviceChange(space, PageRange(base, count: count), .hugePage))
        machine.write(space, PageRange(base, count: 1), "huge")
    }

    func entry(_ page: UInt64) -> PageEntry { machine.entry(space, page) }

    func picture(_ start: UInt64, _ count: UInt64) -> String { machine.picture(space, PageRange(start, count: count)) }

    /// What is known of the frame of a page.
    func frame(_ page: UInt64) -> Frame { machine.physical.frame(entry(page).frame).pointee }
}

extension Movement {
    /// To a device, of system memory.
    static func there(_ device: DeviceID, exempt: [MirrorID] = []) -> Movement {
        Movement(to: .device(device), sources: .system, from: nil, exempt: exempt)
    }

    /// To system memory, from one device or all.
    static func back(from device: DeviceID? = nil, exempt: [MirrorID] = []) -> Movement {
        Movement(to: .system, sources: .device, from: device, exempt: exempt)
    }
}

/// `#require` for what comes out of something that cannot be copied.
func required<Value>(_ value: Value?) throws -> Value { try #require(value) }

/// Why an area of some protection refuses a load and a store; nil where it does not.
struct Permitted: Sendable {
    let protection: Protection
    let read: MemoryFault.Cause?
    let write: MemoryFault.Cause?

    init(_ protection: Protection, _ read: MemoryFault.Cause?, _ write: MemoryFault.Cause?) {
        self.protection = protection
        self.read = read
        self.write = write
    }
}
