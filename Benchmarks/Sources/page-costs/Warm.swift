import HMMMemory

/// A machine whose frames have all been used before.
struct WarmMachine: ~Copyable {
    private var held: HeldModel

    init(sections: Int) {
        held = HeldModel(sections: sections, holdingSystem: true, holdingDevice: true)
        held.model.migrate(held.range, toDevice: false)
    }

    mutating func measure(into results: inout Results) {
        let clock = ContinuousClock()
        let (range, pages) = (held.range, held.pages)
        held.model.stamp(range)
        var runs = 0
        results.add(.snapshot, .warm, clock.measure { runs = held.model.snapshot(range) }, pages: pages)
        precondition(runs <= 2 * pages / pagesPerSection + 2)

        // Nothing has been faulted since the range was mapped, so the device's table is empty.
        results.add(.deviceFault, .warm, clock.measure { held.model.fault(range) }, pages: pages)
        results.add(.deviceFaultAgain, .warm, clock.measure { held.model.fault(range) }, pages: pages)
        measureSingleFaults(clock, into: &results)

        held.measureMigration(toDevice: true, .warm, into: &results)
        held.measureMigration(toDevice: false, .warm, into: &results)
        held.model.migrate(range, toDevice: true)
        held.measureBringingBack(.warm, into: &results)

        results.add(.unmap, .warm, clock.measure { held.model.unmap(range) }, pages: pages)
        held.model.map(range)
        results.add(.firstTouch, .warm, clock.measure { held.model.access(range, write: true) }, pages: pages)
    }

    private mutating func measureSingleFaults(_ clock: ContinuousClock, into results: inout Results) {
        let count = 1 << 20
        let first = Int(held.range.start.number)
        let chosen = (0..<count).map { _ in PageRange(Int.random(in: first..<first + held.pages), count: 1) }
        let time = clock.measure { for page in chosen { held.model.fault(page) } }
        results.add(.singleFault, .warm, time, pages: count)
    }
}
