import HMMMemory

/// A machine whose frames have all been used before.
///
/// Memory goes back to the operating system by the section, when no frame of it is in use. So a page that never moves
/// holds every section of system memory, and another one every section of device memory; what is measured are the 511
/// others of each.
struct WarmMachine: ~Copyable {
    private var model: Model
    private let range: PageRange
    private let pages: Int

    init(sections: Int) {
        let each = pagesPerSection - 1
        pages = sections * each
        range = PageRange(1 << 20, count: pages)
        model = Model(sections: sections)
        let systemHold = PageRange(1 << 16, count: sections)
        let deviceHold = PageRange(1 << 18, count: sections)
        for area in [systemHold, deviceHold, range] { model.map(area) }

        func part(_ section: Int) -> PageRange { PageRange(1 << 20 + section * each, count: each) }
        for section in 0..<sections {
            model.access(PageRange(1 << 16 + section, count: 1), write: true)
            model.access(part(section), write: true)
        }
        for section in 0..<sections {
            model.migrate(PageRange(1 << 18 + section, count: 1), toDevice: true)
            model.migrate(part(section), toDevice: true)
        }
        model.migrate(range, toDevice: false)
    }

    mutating func measure(into results: inout Results) {
        let clock = ContinuousClock()
        model.stamp(range)
        var runs = 0
        results.add(.snapshot, .warm, clock.measure { runs = model.snapshot(range) }, pages: pages)
        precondition(runs <= 2 * pages / pagesPerSection + 2)

        // Unmapping has emptied the device's table.
        results.add(.deviceFault, .warm, clock.measure { model.fault(range) }, pages: pages)
        results.add(.deviceFaultAgain, .warm, clock.measure { model.fault(range) }, pages: pages)
        measureSingleFaults(clock, into: &results)
        measureMigration(clock, into: &results)

        results.add(.unmap, .warm, clock.measure { model.unmap(range) }, pages: pages)
        model.map(range)
        results.add(.firstTouch, .warm, clock.measure { model.access(range, write: true) }, pages: pages)
    }

    private mutating func measureMigration(_ clock: ContinuousClock, into results: inout Results) {
        var moved: UInt64 = 0
        let away = clock.measure { moved = model.migrate(range, toDevice: true) }
        precondition(moved == range.count)
        results.add(.migrateToDevice, .warm, away, pages: pages)
        let back = clock.measure { moved = model.migrate(range, toDevice: false) }
        precondition(moved == range.count)
        results.add(.migrateBack, .warm, back, pages: pages)
        model.checkStamps(range)

        model.migrate(range, toDevice: true)
        results.add(.bringBack, .warm, clock.measure { model.access(range, write: false) }, pages: pages)
        model.checkStamps(range)
    }

    private mutating func measureSingleFaults(_ clock: ContinuousClock, into results: inout Results) {
        let count = 1 << 20
        let first = Int(range.start.number)
        let chosen = (0..<count).map { _ in PageRange(Int.random(in: first..<first + pages), count: 1) }
        let time = clock.measure { for page in chosen { model.fault(page) } }
        results.add(.singleFault, .warm, time, pages: count)
    }
}
