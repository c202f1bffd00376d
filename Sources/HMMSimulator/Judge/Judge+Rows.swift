import HMMEngine
import HMMProtocol

/// Rows of answers: what devices are told of pages, and how many have moved.
extension Judge {
    /// What a device asks of a page.
    enum Need: Int, Comparable {
        case nothing, read, write
        static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

        init(_ access: FaultAccess) { self = access == .none ? .nothing : access == .read ? .read : .write }
    }

    /// What a `fault` asks of every page of its range.
    func needs(_ fault: Fault, _ pages: [UInt8]?) -> [Need] {
        let all = Need(fault.access)
        let count = Int(min(fault.extent.length >> 12, 4096))
        guard let pages else { return [Need](repeating: all, count: count) }
        return pages.prefix(count).map { octet in
            let need: Need = octet == UInt8(ascii: "w") ? .write : octet == UInt8(ascii: "r") ? .read : .nothing
            return max(all, min(Need(fault.mask), need))
        }
    }

    func faulted(_ fault: Fault, _ each: [UInt8]?, _ answer: Answer) throws(Violation) {
        try sequence(fault.mirror, answer)
        try checkRows(fault.mirror, fault.extent, needs(fault, each), answer)
    }

    func looked(_ snapshot: Snapshot, _ answer: Answer) throws(Violation) {
        try sequence(snapshot.mirror, answer)
        let count = Int(min(snapshot.extent.length >> 12, 4096))
        try checkRows(snapshot.mirror, snapshot.extent, [Need](repeating: .nothing, count: count), answer)
    }

    /// Rows cover the range; every page is as the device has asked, and permits no more than its mapping.
    private func checkRows(
        _ mirror: UInt32, _ extent: Extent, _ needs: [Need], _ answer: Answer
    ) throws(Violation) {
        let pages = Self.pages(extent)
        guard pages.count <= 4096 else { return }
        var next = pages.lowerBound
        for row in answer.rows {
            guard row["va"]?.number == next << 12, let count = row["pages"]?.number, let kind = row["kind"]?.text,
                count <= pages.upperBound - next
            else { break }
            for page in next..<next + count {
                let need = needs[Int(page - pages.lowerBound)]
                let isUsable = kind != "none" && kind != "error"
                let isEnough =
                    need == .nothing || isUsable && (need == .read || row.permitsWriting || kind == "private")
                try expect(isEnough, "page 0x\(String(page, radix: 16)) is \(kind), for a device that needs to \(need)")
                try checkMapping(mirror, page, kind, row.permitsWriting)
            }
            next += count
        }
        try expect(next == pages.upperBound, "rows do not cover the range")
        try expect(answer.number("pages") == UInt64(pages.count) || answer.pairs["pages"] == nil, "pages= is wrong")
    }

    private func checkMapping(
        _ mirror: UInt32, _ page: UInt64, _ kind: String, _ isWritable: Bool
    ) throws(Violation) {
        guard let space = mirrors[mirror]?.space, isKnown(space, page..<page + 1) else { return }
        let model = memory.spaces[space]?.pages[page]
        let isRight =
            (kind == "error") == !(model?.isReadable ?? false) && (!isWritable || model?.isWritable ?? false)
        try expect(
            isRight,
            "page 0x\(String(page, radix: 16)) of space \(space) is \(kind) \(isWritable ? "rw" : "r") for a device, "
                + "mapped \(model?.rights.word ?? "nowhere")")
    }

    // MARK: Movements

    /// What has moved and what has stayed are the rows, and the range.
    func moved(_ request: Request, _ answer: Answer) throws(Violation) {
        let range: Range<UInt64>? =
            switch request {
            case .migrate(let migrate): Self.pages(migrate.extent)
            case .deviceMigrate(let migrate): Self.pages(migrate.extent)
            case .migrateVma(let migrate): Self.pages(migrate.extent)
            default: nil
            }
        guard let moved = answer.pairs["moved"]?.number, let stayed = answer.pairs["stayed"]?.number else { return }
        if let range {
            try expect(moved + stayed == range.count, "\(moved) pages have moved, \(stayed) stayed, of \(range.count)")
        }
        guard !answer.rows.isEmpty else { return }
        var next = range?.lowerBound
        var sum: UInt64 = 0
        for row in answer.rows {
            let count = row["pages"]?.number ?? 0
            if row["result"]?.text == "moved" { sum += count }
            if let place = next {
                try expect(row["va"]?.number == place << 12, "rows do not cover the range")
                next = place + count
            }
        }
        try expect(sum == moved && next == range?.upperBound, "moved=\(moved), and the rows say \(sum)")
    }
}

extension [ServerLine.Pair] {
    fileprivate var permitsWriting: Bool { self["perm"]?.text == "rw" }
}
