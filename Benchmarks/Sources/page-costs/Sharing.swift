import HMMMemory

/// Fork, copy-on-write, coherent and exclusive memory, eviction.
func measureSharing(pages: Int, into results: inout Results) {
    let clock = ContinuousClock()
    let range = PageRange(1 << 20, count: pages)
    var model = Model(sections: pages / pagesPerSection + 1)
    model.map(range)
    model.access(range, write: true)

    var fork = Fork(model.space)
    results.add(.fork, .warm, clock.measure { model.finish { fork.step(&$0) } }, pages: pages)
    results.add(.copyOnWrite, .warm, clock.measure { model.access(range, write: true) }, pages: pages)
    if let child = fork.child { model.machine.removeSpace(child) }

    var exclusive = ExclusiveAccess(model.mirror, range, batch: .max, exempt: [model.mirror], model.machine)
    results.add(.exclusive, .warm, clock.measure { model.finish { exclusive.step(&$0) } }, pages: pages)
    results.add(.revoke, .warm, clock.measure { model.access(range, write: true) }, pages: pages)

    let movement = Movement(to: .device(model.coherent), sources: .system, from: nil, exempt: [])
    var migration = Migration(model.space, range, movement)
    results.add(.toCoherent, .warm, clock.measure { model.finish { migration.step(&$0) } }, pages: pages)
    precondition(migration.movedCount == range.count)
    results.add(.coherentLoad, .warm, clock.measure { model.checkLoads(range) }, pages: pages)

    var eviction = model.eviction(of: model.coherent)
    results.add(.evict, .warm, clock.measure { model.finish { eviction.step(&$0) } }, pages: pages)
    precondition(eviction.count(moved: true) == range.count)
}

/// What must not grow with memory that is not touched.
func measureLargeAndSparse(into results: inout Results) {
    let clock = ContinuousClock()
    let terabyte = 1 << 28
    var model = Model(sections: 2048)
    model.map(PageRange(1 << 28, count: terabyte))
    let page = PageRange((1 << 28) + 12_345_678, count: 1)
    model.access(page, write: true)
    var fork = Fork(model.space)
    results.add(.sparseFork, .warm, clock.measure { model.finish { fork.step(&$0) } }, pages: 1)
    if let child = fork.child { model.machine.removeSpace(child) }

    model.migrate(page, toDevice: true)
    var eviction = model.eviction(of: model.device)
    results.add(.evictOne, .warm, clock.measure { model.finish { eviction.step(&$0) } }, pages: 1)
    precondition(eviction.count(moved: true) == 1)
    results.add(.unmapOne, .warm, clock.measure { model.unmap(page) }, pages: 1)
}

extension Model {
    func eviction(of device: DeviceID) -> Eviction {
        let regions = machine.devices.index(of: device).map { machine.devices[$0].regions } ?? []
        return Eviction(regions, machine)
    }

    /// Loads eight bytes of every page.
    mutating func checkLoads(_ range: PageRange) {
        access(range, write: false)
        var sum: UInt64 = 0
        for number in range.start.number..<range.end.number {
            var found: UInt64 = 0
            withUnsafeMutableBytes(of: &found) { machine.load(space, number << PageSize.shift, into: $0) }
            sum &+= found
        }
        precondition(sum != 1)
    }
}
