import Foundation

let pageSize = 4096
/// Pages that the memory model takes from the heap, and gives back, at once.
let pagesPerSection = 512

/// The server's setting: sections are mappings of their own, so that freeing one is a system call, now and not later.
/// Left alone, the heap changes its mind during the run.
func returnFreedSectionsAtOnce() {
    typealias Mallopt = @convention(c) (Int32, Int32) -> Int32
    // glibc only, and not in a header that Swift imports; M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h.
    guard let symbol = dlsym(dlopen(nil, RTLD_NOW), "mallopt") else { return }
    let mallopt = unsafeBitCast(symbol, to: Mallopt.self)
    _ = mallopt(-3, 3 << 19)
    _ = mallopt(-1, 8 << 20)
}

/// Memory in the same pieces as page frames, without the memory model.
struct RawMemory: ~Copyable {
    private let source: [UnsafeMutableRawPointer]
    private let destination: [UnsafeMutableRawPointer]

    init(sections: Int) {
        source = (0..<sections).map { Self.make(filledWith: UInt8(truncatingIfNeeded: $0)) }
        destination = (0..<sections).map { _ in Self.make(filledWith: 0) }
    }

    deinit { for section in source + destination { section.deallocate() } }

    private static func make() -> UnsafeMutableRawPointer {
        .allocate(byteCount: pagesPerSection * pageSize, alignment: pageSize)
    }

    private static func make(filledWith byte: UInt8) -> UnsafeMutableRawPointer {
        let section = make()
        fill(section, byte)
        return section
    }

    /// A page at a time, as the memory model does.
    private static func fill(_ section: UnsafeMutableRawPointer, _ byte: UInt8) {
        for page in 0..<pagesPerSection {
            (section + page * pageSize).initializeMemory(as: UInt8.self, repeating: byte, count: pageSize)
        }
    }

    private static func copy(_ from: UnsafeMutableRawPointer, _ to: UnsafeMutableRawPointer) {
        for page in 0..<pagesPerSection {
            (to + page * pageSize).copyMemory(from: from + page * pageSize, byteCount: pageSize)
        }
    }

    /// Memory that is there.
    func measure(into results: inout Results) {
        let clock = ContinuousClock()
        let pages = source.count * pagesPerSection
        let set = clock.measure { for section in destination { Self.fill(section, 0) } }
        results.add(.memset, .warm, set, pages: pages)
        let copy = clock.measure { for (from, to) in zip(source, destination) { Self.copy(from, to) } }
        results.add(.memcpy, .warm, copy, pages: pages)
        for (index, section) in destination.enumerated() {
            precondition(section.load(fromByteOffset: pageSize, as: UInt8.self) == UInt8(truncatingIfNeeded: index))
        }
    }

    /// Memory from the operating system.
    static func measureCold(sections: Int, into results: inout Results) {
        let clock = ContinuousClock()
        var source: [UnsafeMutableRawPointer] = []
        var destination: [UnsafeMutableRawPointer] = []
        source.reserveCapacity(sections)
        destination.reserveCapacity(sections)
        let set = clock.measure { for _ in 0..<sections { source.append(make(filledWith: 1)) } }
        results.add(.memset, .cold, set, pages: sections * pagesPerSection)
        let copy = clock.measure {
            for from in source {
                let to = make()
                Self.copy(from, to)
                destination.append(to)
            }
        }
        results.add(.memcpy, .cold, copy, pages: sections * pagesPerSection)
        for section in destination { precondition(section.load(as: UInt8.self) == 1) }
        for section in source + destination { section.deallocate() }
    }
}
