/// What is done with a long range once all of it can be accessed: it is filled, or looked through. Nobody comes
/// between, however many slices it takes.
public struct BulkAccess: SteppedWork {
    /// Through whose page table.
    public enum View: Equatable, Sendable {
        case space(SpaceID)
        case mirror(MirrorID)
        /// By offset.
        case file(FileID)
    }

    public enum Task: Equatable, Sendable {
        case fill(Fill)
        /// What whole pages hold.
        case look
        /// 32-bit integers in runs, until there are more than so many of those.
        case integers(most: Int)
    }

    public let view: View
    public let address: UInt64
    /// Bytes.
    public let length: UInt64
    public let task: Task
    /// What whole pages hold.
    public private(set) var contents: [PageContent] = []
    public private(set) var integers: [IntegerRun] = []
    /// Bytes done with.
    private var done: UInt64 = 0

    public init(_ view: View, _ address: UInt64, _ length: UInt64, _ task: Task) {
        self.view = view
        self.address = address
        self.length = length
        self.task = task
    }

    /// Some of it has been done: what it needs has been made ready.
    public var hasBegun: Bool { done > 0 }

    public mutating func step(_ machine: inout Machine) -> Step {
        while done < length {
            if machine.isSliceSpent { return .more }
            let start = address + done
            // Up to the next multiple of 16 pages.
            let count = min((start | 0xffff) + 1 - start, length - done)
            var cost = Slice.page
            switch task {
            case .fill(let fill): write(fill, start, count, &machine)
            case .look: look(start, count, machine)
            case .integers(let most):
                read(start, count, machine)
                cost *= 4
                if integers.count > most { done = length - count }
            }
            done += count
            machine.spend((count >> PageSize.shift + 1) * cost)
        }
        return .done
    }

    private func write(_ fill: Fill, _ start: UInt64, _ count: UInt64, _ machine: inout Machine) {
        switch view {
        case .space(let space): machine.fill(space, start, count, with: fill, from: done)
        case .mirror(let mirror): machine.deviceFill(mirror, start, count, with: fill, from: done)
        case .file(let file): machine.fileFill(file, start, count, with: fill, from: done)
        }
    }

    private mutating func look(_ start: UInt64, _ count: UInt64, _ machine: borrowing Machine) {
        let pages = PageRange(touching: start, length: count)
        let found =
            switch view {
            case .space(let space): machine.contents(space, pages)
            case .mirror(let mirror): machine.deviceContents(mirror, pages)
            case .file(let file): machine.fileContents(file, pages)
            }
        for run in found { contents.add(run.start, run.value, count: run.count) }
    }

    private mutating func read(_ start: UInt64, _ count: UInt64, _ machine: borrowing Machine) {
        withUnsafeTemporaryAllocation(byteCount: Int(count), alignment: 8) { octets in
            switch view {
            case .space(let space): machine.load(space, start, into: octets)
            case .mirror(let mirror): machine.deviceLoad(mirror, start, into: octets)
            case .file(let file): machine.loadFile(file, start, into: octets)
            }
            integers.add(UnsafeRawBufferPointer(octets), from: start)
        }
    }
}
