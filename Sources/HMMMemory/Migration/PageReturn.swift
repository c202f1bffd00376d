/// Private device pages on their way back to system memory because the CPU touched one. Kernel:
/// dev_pagemap_ops.migrate_to_ram().
public struct PageReturn: Equatable, Sendable {
    let space: SpaceID
    let range: PageRange
    /// The mirror whose driver brings them back, where its table is for it to keep right.
    let runner: MirrorID?
    var page: Page
    var farewell = Farewell()
}

extension Machine {
    /// Begins to bring back `page`, and what else of its device is wanted up to `end`.
    mutating func bringBack(_ index: Int, _ page: Page, upTo end: Page, _ entry: PageEntry) -> PageFaultOutcome {
        guard let owner = device(of: entry.frame) else { return .failed(.gone) }
        let space = spaces.id(at: index)
        let profile = profile(of: owner)
        let range = profile.returnsSinglePages ? PageRange(page) : PageRange(page, endOfRun(index, page, end, owner))
        let runner = profile.ownMigration == .runningMirror ? physical.frame(entry.frame).pointee.allocator : nil
        let exempt = runner.map { [$0] } ?? []
        return .invalidate(
            Invalidation(space, range, .migrate, owner: owner, exempt: exempt),
            .bringBack(PageReturn(space: space, range: range, runner: runner, page: page)))
    }

    /// One past the last of the pages from `page` that lie on the same device.
    private func endOfRun(_ index: Int, _ page: Page, _ end: Page, _ owner: DeviceID) -> Page {
        var next = page + 1
        while next < end {
            let entry = spaces[index].table[next]
            guard entry.kind == .devicePrivate, device(of: entry.frame) == owner else { break }
            next = next + 1
        }
        return next
    }

    /// Brings pages back one after the other; stops where another address space has to be told.
    mutating func goOn(_ work: PageReturn) -> Applied {
        var work = work
        guard let index = spaces.index(of: work.space) else { return .done }
        while work.page < work.range.end {
            if isSliceSpent { return .more(.bringBack(work)) }
            spend(Slice.entry)
            let entry = spaces[index].table[work.page]
            if entry.kind == .devicePrivate {
                let here = Place(space: work.space, page: work.page)
                if let place = work.farewell.next(entry.frame, taken: here, &self) {
                    return .invalidate(farewell(place), .bringBack(work))
                }
                // A move does not count against the limit, or who has reached it could not get at his memory.
                guard !takeInjectedFailure(device(of: entry.frame)),
                    let frame = allocateSystem(replacing: true)
                else {
                    return .failed(MemoryFault(.limit, work.page))
                }
                replaceEverywhere(entry.frame, by: frame, here: here)
                if let runner = work.runner { forget(work.page, in: runner) }
            }
            work.farewell.end()
            work.page = work.page + 1
        }
        return .done
    }

    /// A driver takes a page out of its own table.
    mutating func forget(_ page: Page, in mirror: MirrorID) {
        guard let index = mirrors.index(of: mirror) else { return }
        mirrors[index].table.set(page, .none)
    }
}
