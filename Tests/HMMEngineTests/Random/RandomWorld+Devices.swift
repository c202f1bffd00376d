import HMMMemory
import HMMProtocol

@testable import HMMEngine

/// Whether what devices are told is right, and the engine keeps its own house in order.
extension RandomWorld {
    mutating func checkFault(
        _ id: UInt32, _ pages: Range<UInt64>, _ write: Bool, _ answer: Answer, _ name: String
    ) throws {
        guard let mirror = clients[name]?.mirrors[id], let space = spaces[mirror.space] else { return }
        if answer.code != nil { return try checkRefusal(space, pages, write, answer) }
        try checkRows(id, pages, answer, name) { kind, rights in
            rights.contains(.read) && kind != "none" && kind != "error"
        }
        guard write else { return }
        for row in answer.rows {
            try expect(row["perm"]?.text == "rw" || row["kind"]?.text == "private", "a fault for writing without it")
        }
    }

    /// A device is refused where there is no right to read, or to write when it wants that; the first such page is
    /// named.
    private func checkRefusal(_ space: SpaceModel, _ pages: Range<UInt64>, _ write: Bool, _ answer: Answer) throws {
        let hole = space.first(in: pages) { $0.contains(.read) }
        guard let page = answer.page, pages.contains(page) else { throw mismatch("a refusal without a page") }
        switch (answer.code, answer.failure?.errno) {
        case ("NOMAP", "EFAULT"): try expect(page == hole, "NOMAP")
        case ("PERM", "EPERM"):
            try expect(write && space.rights[page] == .read && page < hole ?? UInt64.max, "PERM")
        case ("PERM", "EFAULT"): try expect(write && space.rights[page]?.contains(.read) ?? false, "PERM EFAULT")
        default: throw mismatch("a device is refused with \(answer.code ?? "nothing")")
        }
    }

    mutating func checkDeviceStore(
        _ id: UInt32, _ va: UInt64, _ length: UInt64, _ data: [UInt8], _ answer: Answer, _ name: String
    ) throws {
        guard let space = clients[name]?.mirrors[id]?.space, let model = spaces[space] else { return }
        let pages = Self.pages(va, length)
        if answer.code != nil { return try checkRefusal(model, pages, true, answer) }
        try expect(model.first(in: pages) { $0.contains(.read) && $0.contains(.write) } == nil, "dev.write")
        spaces[space]?.store(va, length, data)
    }

    mutating func checkMigration(
        _ space: UInt32, _ pages: Range<UInt64>, _ answer: Answer
    ) throws {
        let gap = spaces[space]?.first(in: pages) { $0.contains(.read) }
        guard gap == nil else {
            return try expect(
                answer.code == "NOMAP" && answer.failure?.errno == "EINVAL" && answer.page == gap, "migrate")
        }
        try expect(answer.code == nil && answer.number("moved") + answer.number("stayed") == pages.count, "migrate")
        var next = pages.lowerBound
        for row in answer.rows {
            try expect(row["va"]?.number == next << 12, "rows of a migration")
            next += row["pages"]?.number ?? 0
        }
        try expect(next == pages.upperBound, "rows of a migration")
    }

    /// Whatever became of its migration, a driver has not been told of the pages that moved: it forgets them all.
    mutating func forget(_ space: UInt32, _ pages: Range<UInt64>, _ mover: String, _ name: String) {
        for (id, mirror) in clients[name]?.mirrors ?? [:] where mirror.space == space && mirror.device == mover {
            clients[name]?.mirrors[id]?.forget(pages)
        }
    }

    /// Rows cover the range; the driver believes them.
    mutating func checkRows(
        _ id: UInt32, _ pages: Range<UInt64>, _ answer: Answer, _ name: String,
        _ isRight: (String, SpaceModel.Rights) -> Bool
    ) throws {
        guard let client = clients[name], var mirror = client.mirrors[id], let space = spaces[mirror.space] else {
            return
        }
        var next = pages.lowerBound
        for row in answer.rows {
            guard row["va"]?.number == next << 12, let count = row["pages"]?.number, let kind = row["kind"]?.text else {
                throw mismatch("rows do not cover the range")
            }
            var frames = Self.frames(row["pfn"]?.text)
            for page in next..<next + count {
                let rights = space.rights[page] ?? []
                let isWritable = row["perm"]?.text == "rw"
                try expect(
                    isRight(kind, rights) && (!isWritable || rights.contains(.write)), "row of page \(page): \(kind)")
                let frame = frames.isEmpty ? nil : frames.removeFirst()
                guard kind != "none", kind != "error", !client.isMigrating(page, mirror) else { continue }
                try expect((frame == nil) == (kind == "zero"), "frames of a row")
                mirror.table[page] = MirrorModel.Translation(frame: frame, isWritable: isWritable)
            }
            next += count
        }
        try expect(next == pages.upperBound, "rows do not cover the range")
        clients[name]?.mirrors[id] = mirror
    }

    private static func frames(_ text: String?) -> [UInt64] {
        (text ?? "").split(separator: ",").flatMap { run -> [UInt64] in
            let parts = run.split(separator: "+")
            let first = UInt64(parts[0].dropFirst(2), radix: 16) ?? 0
            return (0..<(parts.count > 1 ? UInt64(parts[1]) ?? 1 : 1)).map { first + $0 }
        }
    }

    // MARK: The engine

    func actualRights(_ space: UInt32, _ page: UInt64) -> SpaceModel.Rights? {
        guard let tenant = peer.tenant, let index = tenant.engine.machine.spaces.index(of: SpaceID(rawValue: space))
        else {
            return nil
        }
        let area = tenant.engine.machine.spaces[index].areas.area(at: Page(number: page))
        return area.map { SpaceModel.Rights(rawValue: $0.protection.rawValue) }
    }

    func checkEngine() throws {
        guard let tenant = peer.tenant else { return }
        let violations = tenant.engine.violations()
        guard violations.isEmpty else { throw mismatch("\(violations)") }
        try checkBeliefs(tenant)
        var rounds = 0
        for index in 0..<tenant.engine.operations.count {
            switch tenant.engine.operations[index].state {
            case .running: throw mismatch("an operation was left running")
            case .inRound(let round, _):
                rounds += 1
                guard let due = round.nextDeadline else { break }
                try expect(tenant.engine.nextDeadline.map { $0 <= due } ?? false, "the next deadline is late")
            case .parked(let holder):
                try expect(tenant.engine.operations.contains(holder), "parked behind nobody")
            }
        }
        try expect(rounds == tenant.engine.roundsRunning, "rounds running")
    }

    /// No driver believes in a translation that is not true, or permits more than is permitted.
    private func checkBeliefs(_ tenant: EnginePeer.Tenant) throws {
        for (name, client) in clients {
            for (id, mirror) in client.mirrors where !mirror.isFenced {
                guard let index = tenant.engine.machine.spaces.index(of: SpaceID(rawValue: mirror.space)) else {
                    continue
                }
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
