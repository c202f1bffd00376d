import HMMMemory

/// A model some of whose memory stays with it.
///
/// Memory goes back to the operating system by the section, when no frame of it is in use. So a page that never moves
/// can hold every section of system memory, and another every section of device memory. What is measured are the other
/// 511 pages of each.
struct HeldModel: ~Copyable {
    var model: Model
    let range: PageRange
    let pages: Int

    /// The range is on the device when its sections are held, else in system memory.
    init(sections: Int, holdingSystem: Bool, holdingDevice: Bool) {
        let each = pagesPerSection - 1
        let start = 1 << 20
        let systemHold = PageRange(1 << 16, count: sections)
        let deviceHold = PageRange(1 << 18, count: sections)
        pages = sections * each
        range = PageRange(start, count: pages)
        model = Model(sections: sections)
        for area in [systemHold, deviceHold, range] { model.map(area) }

        for section in 0..<sections {
            if holdingSystem { model.access(PageRange(systemHold.start + UInt64(section)), write: true) }
            model.access(PageRange(start + section * each, count: each), write: true)
        }
        model.stamp(range)
        guard holdingDevice else { return }
        for section in 0..<sections {
            model.migrate(PageRange(deviceHold.start + UInt64(section)), toDevice: true)
            model.migrate(PageRange(start + section * each, count: each), toDevice: true)
        }
    }

    mutating func measureMigration(toDevice: Bool, _ temperature: Temperature, into results: inout Results) {
        var moved: UInt64 = 0
        let time = ContinuousClock().measure { moved = model.migrate(range, toDevice: toDevice) }
        precondition(moved == range.count)
        results.add(toDevice ? .migrateToDevice : .migrateBack, temperature, time, pages: pages)
        if !toDevice { model.checkStamps(range) }
    }

    /// The pages are on the device; a CPU load of all brings them back.
    mutating func measureBringingBack(_ temperature: Temperature, into results: inout Results) {
        let time = ContinuousClock().measure { model.access(range, write: false) }
        results.add(.bringBack, temperature, time, pages: pages)
        model.checkStamps(range)
    }
}
