/// Gives every hole of a part of a file a page of zeroes, and makes the file as long as the part needs: all or nothing.
/// Kernel: shmem_fallocate().
public struct FileAllocation: SteppedWork {
    public let file: FileID
    /// Bytes.
    public let offset: UInt64
    public let length: UInt64
    private var state: State
    /// Pages that were holes, by their number in the file.
    private var made: [UInt64] = []
    private var oldLength: UInt64 = 0

    private enum State: Equatable {
        /// There may be too few frames: that is found out before anything is taken.
        /// The next page, and the holes before it.
        case counting(UInt64, holes: UInt64)
        /// The next page.
        case filling(UInt64)
        /// Page tables ran out: what was taken goes back.
        case undoing
        case done
    }

    /// `length` bytes from `offset` on, at least one.
    public init(_ file: FileID, _ offset: UInt64, _ length: UInt64) {
        self.file = file
        self.offset = offset
        self.length = length
        state = .counting(offset >> PageSize.shift, holes: 0)
    }

    private var end: UInt64 { offset + length }
    /// Numbers of pages in the file.
    private var pages: Range<UInt64> { offset >> PageSize.shift..<((end - 1) >> PageSize.shift + 1) }
    private var shortage: Step { .failed(MemoryFault(.limit, Page(number: pages.lowerBound))) }

    public mutating func step(_ machine: inout Machine) -> Step {
        guard let index = machine.files.index(of: file) else {
            return .failed(MemoryFault(.gone, Page(number: pages.lowerBound)))
        }
        switch state {
        case .counting(let page, let holes):
            if machine.mayRunShort(UInt64(pages.count)) {
                if let step = count(from: page, holes, &machine, index) { return step }
            }
            oldLength = machine.files[index].length
            return fill(from: pages.lowerBound, &machine, index)
        case .filling(let page): return fill(from: page, &machine, index)
        case .undoing: return undo(&machine, index)
        case .done: return .done
        }
    }

    /// Goes on with counting holes; nil once there are frames for all of them.
    private mutating func count(from first: UInt64, _ known: UInt64, _ machine: inout Machine, _ index: Int) -> Step? {
        let end = Page(number: pages.upperBound)
        var page = Page(number: first)
        var holes = known
        while page < end {
            if machine.isSliceSpent {
                state = .counting(page.number, holes: holes)
                return .more
            }
            let piece = machine.files[index].pages.nextLeaf(from: page, before: end)
            let next = piece.map { $0.start + UInt64($0.count) } ?? end
            let present = piece.map { piece in (0..<piece.count).count { !piece[$0].isNone } } ?? 0
            holes += (next - page) - UInt64(present)
            machine.spend(512 * Slice.entry)
            page = next
        }
        return holes > machine.framesFree ? shortage : nil
    }

    private mutating func fill(from first: UInt64, _ machine: inout Machine, _ index: Int) -> Step {
        var page = first
        while page < pages.upperBound {
            if machine.isSliceSpent {
                state = .filling(page)
                return .more
            }
            machine.spend(Slice.entry)
            if machine.filePage(index, page) == nil {
                guard machine.obtainFilePage(index, page) != nil else {
                    state = .undoing
                    return undo(&machine, index)
                }
                machine.spend(Slice.page)
                made.append(page)
            }
            page += 1
            // No page lies past the end, not even meanwhile.
            machine.files[index].length = max(machine.files[index].length, min(end, page << PageSize.shift))
        }
        state = .done
        return .done
    }

    private mutating func undo(_ machine: inout Machine, _ index: Int) -> Step {
        while let page = made.popLast() {
            machine.dropPages(index, from: page, to: page + 1)
            machine.spend(Slice.page)
            if machine.isSliceSpent { return .more }
        }
        machine.files[index].length = oldLength
        return shortage
    }
}
