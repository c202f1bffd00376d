import HMMHarness
import HMMMemory
import HMMProtocol

@testable import HMMEngine
@testable import HMMMemory
@testable import HMMSimulator

/// What the engine has, where the model has to know which of several permitted things has happened.
extension RandomWorld {
    typealias Tenant = EnginePeer.Tenant

    private func index(_ space: UInt32, _ tenant: Tenant) -> Int? {
        tenant.engine.machine.spaces.index(of: SpaceID(rawValue: space))
    }

    private func area(_ space: UInt32, _ number: UInt64) -> Area? {
        guard let tenant = peer.tenant, let index = index(space, tenant) else { return nil }
        return tenant.engine.machine.spaces[index].areas.area(at: Page(number: number))
    }

    /// The bytes of a page, wherever it is.
    func bytes(_ space: UInt32, _ number: UInt64) -> [UInt8] {
        guard let tenant = peer.tenant, let index = index(space, tenant) else { return [] }
        let page = Page(number: number)
        let entry = tenant.engine.machine.spaces[index].table[page]
        if entry.hasFrame, !entry.isReserved {
            let start = tenant.engine.machine.physical.bytes(entry.frame)
            return Array(UnsafeRawBufferPointer(start: start, count: 4096))
        }
        var found = MemoryModel.zeroes
        guard entry.isNone, let area = area(space, number), let file = area.file else { return found }
        found.withUnsafeMutableBytes { tenant.engine.machine.loadFile(file, area.offset(of: page) << 12, into: $0) }
        return found
    }

    /// A page of a private mapping has memory of its own.
    func isCopied(_ space: UInt32, _ number: UInt64) -> Bool {
        guard let tenant = peer.tenant, let index = index(space, tenant) else { return false }
        let entry = tenant.engine.machine.spaces[index].table[Page(number: number)]
        guard entry.hasFrame, !entry.isReserved else { return false }
        return tenant.engine.machine.physical.frame(entry.frame).pointee.isAnonymous
    }

    /// A page is as a model has it.
    func agrees(_ space: UInt32, _ number: UInt64, _ model: MemoryModel, bytesToo: Bool = true) -> Bool {
        guard let page = model.spaces[space]?.pages[number], let area = area(space, number) else {
            return model.spaces[space]?.pages[number] == nil && area(space, number) == nil
        }
        return page.rights.rawValue == area.protection.rawValue && Self.backing(area, page.backing, number)
            && page.flags == area.flags
            && (!bytesToo || bytes(space, number) == model.content(page))
    }

    func difference(_ space: UInt32, _ number: UInt64) -> String {
        guard let page = memory.spaces[space]?.pages[number], let area = area(space, number) else {
            return "mapped or not"
        }
        let (expected, found) = (memory.content(page), bytes(space, number))
        let at = zip(expected, found).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
        return "\(page.rights) \(page.backing) \(page.flags), byte \(at) \(expected[at]), engine \(area), \(found[at])"
    }

    private static func backing(_ area: Area, _ backing: SpaceModel.Backing, _ number: UInt64) -> Bool {
        switch (area.kind, backing) {
        case (.anonymous, .anonymous), (.hugetlb, .hugetlb), (.device, .device), (.io, .io): return true
        case (.file, .shared(_, let page)): return area.isShared && area.offset(of: Page(number: number)) == page
        case (.file, .copied(_, let page)): return !area.isShared && area.offset(of: Page(number: number)) == page
        default: return false
        }
    }

    /// A request has failed half way: every page is as it was, or as it was to be. The model takes over which.
    mutating func adopt(_ space: UInt32, _ pages: some Sequence<UInt64>, _ candidates: [MemoryModel]) throws {
        for number in pages {
            // Where the bytes are the same anyway they need not be looked at: a later request has perhaps changed them.
            let contents = candidates.map { model in model.spaces[space]?.pages[number].map { model.content($0) } }
            let differs = contents.contains { $0 != contents[0] }
            guard let right = candidates.first(where: { agrees(space, number, $0, bytesToo: differs) }) else {
                if linesLeft > 0 { throw Unknowable() }
                throw mismatch(
                    "space \(space): page \(number) is neither as before nor as after: \(difference(space, number))")
            }
            let page = right.spaces[space]?.pages[number]
            memory.spaces[space]?.pages[number] = page
            if case .shared(let file, let index) = page?.backing {
                memory.files[file]?.pages[index] = right.files[file]?.pages[index]
            }
        }
    }

    /// Pages of private mappings that have got memory of their own since: with what the file has now.
    mutating func noticeCopies() throws {
        for (id, space) in memory.spaces {
            for (number, page) in space.pages where page.isCopied && page.bytes == nil && isCopied(id, number) {
                let reasons = recent + ghosts + clients.values.flatMap(\.waiting)
                guard reasons.contains(where: { $0.written?.contains(number) ?? false }) else {
                    throw mismatch("space \(id): page \(number) has been copied without a reason")
                }
                let bytes = memory.content(page)
                // One request copied the page and another changed the file in the same input: which was first?
                if bytes != self.bytes(id, number), !recent.isEmpty { throw Unknowable() }
                memory.spaces[id]?.pages[number]?.bytes = bytes
            }
        }
    }

    /// The end of a file has been cut half way: some have lost their copies.
    mutating func noticeLostCopies() {
        for (id, space) in memory.spaces {
            for (number, page) in space.pages where page.isCopied && page.bytes != nil && !isCopied(id, number) {
                memory.spaces[id]?.pages[number]?.bytes = nil
            }
        }
    }

    // MARK: Its own house

    func checkEngine() throws {
        guard let tenant = peer.tenant else { return }
        try checkBeliefs(tenant)
        var rounds = 0
        for index in 0..<tenant.engine.operations.count {
            switch tenant.engine.operations[index].state {
            case .running: throw mismatch("an operation was left running")
            case .inRound(let round, _):
                rounds += 1
                guard let due = round.nextDeadline else { break }
                try expect(tenant.engine.nextDeadline.map { $0 <= due } ?? false, "the next deadline is late")
            case .open, .consulting: rounds += 1
            case .parked(let holder):
                try expect(tenant.engine.operations.contains(holder), "parked behind nobody")
            }
        }
        try expect(rounds == tenant.engine.roundsRunning, "rounds running")
    }

    /// No driver believes in a translation that is not true, or permits more than is permitted.
    private func checkBeliefs(_ tenant: Tenant) throws {
        for (name, client) in clients {
            for (id, mirror) in client.mirrors where !mirror.isFenced && mirror.keepsTable {
                guard let index = index(mirror.space, tenant) else { continue }
                for (number, believed) in mirror.table where !client.isMigrating(number, mirror) {
                    let entry = tenant.engine.machine.spaces[index].table[Page(number: number)]
                    let isSame =
                        believed.frame.map { entry.kind != .zero && entry.frame.number == $0 } ?? (entry.kind == .zero)
                    guard isSame, !entry.isNone, entry.isWritable || !believed.isWritable else {
                        throw mismatch("\(name): mirror \(id) believes in a stale translation of page \(number)")
                    }
                }
            }
        }
    }
}

extension Area {
    /// As `maps` names them.
    fileprivate var flags: Set<String> {
        var flags: Set<String> = []
        if advice.contains(.hugePage) { flags.insert("hugepage") }
        if advice.contains(.noHugePage) { flags.insert("nohugepage") }
        if advice.contains(.dontFork) { flags.insert("dontfork") }
        if advice.contains(.wipeOnFork) { flags.insert("wipeonfork") }
        return flags
    }
}
