import HMMMemory

/// A new machine, whose frames come from the operating system and go back to it.
func measureCold(sections: Int, into results: inout Results) {
    let clock = ContinuousClock()
    let pages = sections * pagesPerSection
    let range = PageRange(1 << 20, count: pages)
    var model = Model(sections: sections)
    model.map(range)

    results.add(.firstTouch, .cold, clock.measure { model.access(range, write: true) }, pages: pages)
    model.stamp(range)
    results.add(.deviceFault, .cold, clock.measure { model.fault(range) }, pages: pages)

    var moved: UInt64 = 0
    let away = clock.measure { moved = model.migrate(range, toDevice: true) }
    precondition(moved == range.count)
    results.add(.migrateToDevice, .cold, away, pages: pages)
    let back = clock.measure { moved = model.migrate(range, toDevice: false) }
    precondition(moved == range.count)
    results.add(.migrateBack, .cold, back, pages: pages)
    model.checkStamps(range)

    model.migrate(range, toDevice: true)
    results.add(.bringBack, .cold, clock.measure { model.access(range, write: false) }, pages: pages)
    model.checkStamps(range)
    results.add(.unmap, .cold, clock.measure { model.unmap(range) }, pages: pages)

    measureScattered(&model, min(pages, 1 << 16), clock, into: &results)
}

/// Pages touched in random order, so that no two neighbours have frames that follow each other.
private func measureScattered(_ model: inout Model, _ pages: Int, _ clock: ContinuousClock, into results: inout Results) {
    let range = PageRange(1 << 20, count: pages)
    model.map(range)
    for page in (Int(range.start.number)..<Int(range.end.number)).shuffled() {
        model.access(PageRange(page, count: 1), write: true)
    }
    var runs = 0
    let time = clock.measure { runs = model.snapshot(range) }
    precondition(runs > pages * 9 / 10)
    results.add(.scatteredSnapshot, .warm, time, pages: pages)
}
