internal import HMMMemory

/// Which pages paused requests hold or wait for, ordered by address space and page, so that whoever comes finds those
/// in its way without asking all that wait.
///
/// The claims lie in blocks, each of which knows how far its claims reach and whose they are: most are passed over
/// whole. With the most requests that may wait there are some hundred.
struct Claims {
    struct Claim: Equatable {
        let space: SpaceID
        let range: PageRange
        let id: OperationID
        /// Others keep off; else its owner only waits for the pages.
        let holds: Bool

        static func < (a: Claim, b: Claim) -> Bool {
            if a.space != b.space { return a.space < b.space }
            if a.range.start != b.range.start { return a.range.start < b.range.start }
            if a.range.end != b.range.end { return a.range.end < b.range.end }
            return a.id < b.id
        }
    }

    private struct Block {
        /// In ascending order.
        var claims: [Claim] = []
        /// One past the highest page of any.
        var end = Page(number: 0)
        var firstHolder = UInt32.max
        var firstWaiter = UInt32.max

        init(_ claims: [Claim]) {
            self.claims = claims
            coverAnew()
        }

        mutating func coverAnew() {
            end = Page(number: 0)
            (firstHolder, firstWaiter) = (.max, .max)
            for claim in claims { cover(claim) }
        }

        mutating func cover(_ claim: Claim) {
            end = max(end, claim.range.end)
            if claim.holds {
                firstHolder = min(firstHolder, claim.id.rawValue)
            } else {
                firstWaiter = min(firstWaiter, claim.id.rawValue)
            }
        }

        /// Where `claim` is, or would be.
        func position(of claim: Claim) -> Int {
            var low = 0
            var high = claims.count
            while low < high {
                let middle = (low + high) / 2
                if claims[middle] < claim { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    private static let blockSize = 128
    /// In ascending order; only the first may be empty, when it is the only one.
    private var blocks = [Block([])]
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func insert(_ claim: Claim) {
        let block = blockIndex(of: claim)
        blocks[block].claims.insert(claim, at: blocks[block].position(of: claim))
        blocks[block].cover(claim)
        count += 1
        guard blocks[block].claims.count > Self.blockSize else { return }
        let upper = Array(blocks[block].claims[(Self.blockSize / 2)...])
        blocks[block] = Block(Array(blocks[block].claims[..<(Self.blockSize / 2)]))
        blocks.insert(Block(upper), at: block + 1)
    }

    mutating func remove(_ claim: Claim) {
        let block = blockIndex(of: claim)
        let position = blocks[block].position(of: claim)
        guard position < blocks[block].claims.count, blocks[block].claims[position] == claim else { return }
        blocks[block].claims.remove(at: position)
        count -= 1
        if blocks[block].claims.isEmpty, blocks.count > 1 {
            blocks.remove(at: block)
        } else {
            blocks[block].coverAnew()
        }
    }

    /// The last block that begins at or before `claim`.
    private func blockIndex(of claim: Claim) -> Int {
        firstBlock { $0 < claim || $0 == claim } - 1
    }

    /// One past the last block whose first claim is one that `isBefore`; at least 1.
    private func firstBlock(after isBefore: (Claim) -> Bool) -> Int {
        var low = 1
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(blocks[middle].claims[0]) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The lowest number among those with a claim on pages of `range` that `applies`; who only waits counts when its
    /// number is below `bound`.
    ///
    /// - Parameter looked: grows by what has been looked at.
    func first(
        on range: PageRange, of space: SpaceID, waitingBelow bound: OperationID, _ looked: inout UInt64,
        where applies: (OperationID) -> Bool
    ) -> OperationID? {
        var found: OperationID?
        for position in (firstBlock { $0.space < space } - 1)..<blocks.count {
            guard let start = blocks[position].claims.first, start.space <= space,
                start.space < space || start.range.start < range.end
            else { break }
            looked += 1
            let lowest = found?.rawValue ?? .max
            guard blocks[position].end > range.start,
                blocks[position].firstHolder < lowest
                    || blocks[position].firstWaiter < min(lowest, bound.rawValue)
            else { continue }
            looked += UInt64(blocks[position].claims.count)
            for claim in blocks[position].claims
            where claim.space == space && claim.range.overlaps(range) && (claim.holds || claim.id < bound) {
                if let found, claim.id >= found { continue }
                if applies(claim.id) { found = claim.id }
            }
        }
        return found
    }

    /// Whether `claim` is there.
    func contains(_ claim: Claim) -> Bool {
        let block = blocks[blockIndex(of: claim)]
        let position = block.position(of: claim)
        return position < block.claims.count && block.claims[position] == claim
    }
}
