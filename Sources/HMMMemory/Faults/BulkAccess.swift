/// What is done with a range once all of it can be accessed: octets are stored there, or it is looked through. Nobody
/// comes between, however many slices it takes.
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
        /// These octets, again and again.
        case store([UInt8])
        /// What whole pages hold.
        case look
        /// 32-bit integers in runs, until there are more than so many of those.
        case integers(most: Int)
    }

    public let view: View
    public let address: UInt64
    /// Bytes.
    public let length: UInt64
    public private(set) var task: Task
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

    /// What it needs has been made ready, which takes work: it must not be looked at again with every slice.
    public private(set) var hasBegun = false

    public mutating func step(_ machine: inout Machine) -> Step {
        if !hasBegun { repeatShortData() }
        hasBegun = true
        while done < length {
            if machine.isSliceSpent { return .more }
            let start = address + done
            // Up to the next multiple of 16 pages.
            let count = min((start | 0xffff) + 1 - start, length - done)
            var cost = Slice.page
            switch task {
            case .fill(let fill): write(fill, start, count, &machine)
            case .store(let data): store(data, start, count, &machine)
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

    /// A byte at a time would cost a walk of the table each.
    private mutating func repeatShortData() {
        guard case .store(let data) = task, !data.isEmpty, data.count < PageSize.bytes, UInt64(data.count) < length
        else { return }
        let times = PageSize.bytes / data.count + 1
        var repeated: [UInt8] = []
        repeated.reserveCapacity(times * data.count)
        for _ in 0..<times { repeated += data }
        task = .store(repeated)
    }

    private func store(_ data: [UInt8], _ start: UInt64, _ count: UInt64, _ machine: inout Machine) {
        data.withUnsafeBytes { source in
            switch view {
            case .space(let space): machine.store(space, start, count, from: source, done)
            case .mirror(let mirror): machine.deviceStore(mirror, start, count, from: source, done)
            case .file(let file): machine.storeFile(file, start, count, from: source, done)
            }
        }
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
