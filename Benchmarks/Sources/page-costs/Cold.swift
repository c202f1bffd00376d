import HMMMemory

/// New machines, whose frames come from the operating system.
func measureCold(sections: Int, into results: inout Results) {
    measureColdTouch(sections: sections, into: &results)
    measureColdMigration(sections: sections, into: &results)
}

private func measureColdTouch(sections: Int, into results: inout Results) {
    let clock = ContinuousClock()
    let pages = sections * pagesPerSection
    let range = PageRange(1 << 20, count: pages)
    var model = Model(sections: sections)
    model.map(range)
    results.add(.firstTouch, .cold, clock.measure { model.access(range, write: true) }, pages: pages)
    results.add(.deviceFault, .cold, clock.measure { model.fault(range) }, pages: pages)
    results.add(.unmap, .cold, clock.measure { model.unmap(range) }, pages: pages)
    measureScattered(&model, min(pages, 1 << 16), clock, into: &results)
}

/// Where the pages leave sections behind that nobody holds, these would serve as the next destination at once: so the
/// sections that pages come from are held.
private func measureColdMigration(sections: Int, into results: inout Results) {
    do {
        var held = HeldModel(sections: sections, holdingSystem: true, holdingDevice: false)
        held.measureMigration(toDevice: true, .cold, into: &results)
    }
    var held = HeldModel(sections: sections, holdingSystem: false, holdingDevice: true)
    held.measureMigration(toDevice: false, .cold, into: &results)
    held.model.migrate(held.range, toDevice: true)
    held.measureBringingBack(.cold, into: &results)
}

/// Pages touched in random order, so that no two neighbours have frames that follow each other.
private func measureScattered(_ model: inout Model, _ pages: Int, _ clock: ContinuousClock, into results: inout Results)
{
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
