import HMMMemory
import Testing

/// What is done step by step.
protocol Stepped {
    mutating func step(_ machine: inout Machine) -> Step
}

extension CPUAccess: Stepped {}
extension RangeFault: Stepped {}
extension DeviceAccess: Stepped {}
extension Unmapping: Stepped {}
extension SpaceExit: Stepped {}
extension ProtectionChange: Stepped {}
extension Migration: Stepped {}

/// What came of the whole.
struct Course: Equatable {
    var announced: [Invalidation] = []
    var fault: MemoryFault?
}

extension Machine {
    /// Carries out `work`; every mirror lets go at once.
    @discardableResult
    mutating func run(_ work: inout some Stepped, exempt: [MirrorID] = []) -> Course {
        var course = Course()
        while true {
            switch work.step(&self) {
            case .done: return course
            case .failed(let fault):
                course.fault = fault
                return course
            case .invalidate(let invalidation):
                course.announced.append(invalidation)
                for mirror in begin(invalidation, exempt: exempt) { letGo(mirror, invalidation.range) }
                end(invalidation)
            }
        }
    }

    @discardableResult
    mutating func run(_ work: some Stepped, exempt: [MirrorID] = []) -> Course {
        var work = work
        return run(&work, exempt: exempt)
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

    /// What the pages are, a letter each: `-` nothing, `z` zero page, `s` system, `d` device; capital when writable.
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

    init(pages: UInt64 = 1024, frameLimit: UInt64 = 4096) throws {
        machine = Machine(frameLimit: frameLimit)
        space = machine.makeSpace()
        gpu = machine.makeDevice()
        other = machine.makeDevice()
        _ = machine.makeRegion(gpu, pages: 8)
        _ = machine.makeRegion(other, pages: 4)
        _ = try machine.mapArea(space, at: Page(number: 16), count: pages, [.read, .write], areaLimit: 100)
    }

    /// A mirror of everything for `gpu`, unless another device is meant.
    mutating func mirror(_ device: DeviceID? = nil) throws -> MirrorID {
        let id = machine.makeMirror(space, device ?? gpu, AddressSpace.everything)
        return id!
    }

    /// Moves pages to a device, `gpu` unless another is meant.
    @discardableResult
    mutating func moveToDevice(_ pages: PageRange, _ device: DeviceID? = nil) -> Course {
        machine.run(Migration(space, pages, to: .device(device ?? gpu), exempt: []))
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
