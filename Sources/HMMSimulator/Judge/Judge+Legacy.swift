import HMMEngine
import HMMProtocol

/// The interface of 2017: ranges that are open, and what has come of them.
extension Judge {
    struct LegacyRange {
        let connection: ConnectionID
        let mirror: UInt32
        let pages: Range<UInt64>
        /// The mirror has heard of an invalidation there since.
        var isStale = false
    }

    mutating func updated(_ mirror: UInt32, _ pairs: [ServerLine.Pair]) {
        guard let va = pairs["va"]?.number, let length = pairs["len"]?.number else { return }
        for (id, range) in ranges where range.mirror == mirror && range.pages.overlaps(Self.pages(va, length)) {
            ranges[id]?.isStale = true
        }
    }

    mutating func looked(
        _ mirror: UInt32, _ extent: Extent, faults: Bool, writes: Bool, _ answer: Answer, _ connection: ConnectionID
    ) throws(Violation) {
        ranges[answer.id("range")] = LegacyRange(
            connection: connection, mirror: mirror, pages: Self.pages(extent))
        var next = extent.va
        for row in answer.rows {
            let flags = (row["flags"]?.text ?? "").split(separator: ",")
            let isUsable = !faults || flags.contains("valid")
            let isWritable = !writes || flags.contains("write") || flags.contains("device-unaddressable")
            try expect(
                row["va"]?.number == next && isUsable && isWritable,
                "a row of 2017 at \(next) has the flags \(row["flags"]?.text ?? "")")
            next += (row["pages"]?.number ?? 0) << 12
        }
        try expect(next == extent.va + extent.length, "rows do not cover the range")
    }

    mutating func ended(_ done: RangeDone, _ answer: Answer, _ connection: ConnectionID) throws(Violation) {
        guard let range = ranges.removeValue(forKey: done.range), range.connection == connection else {
            throw Violation(.answers, "range \(done.range) is ended, and it is not open on this connection")
        }
        try expect(
            !range.isStale || answer.pairs["valid"]?.text == "no",
            "range \(done.range) is called valid, and something in it has been invalidated")
    }
}
