/// Loads or stores of a range page by page: each is tried, whatever became of the ones before it.
public struct PageSweep: RestartedWork {
    public let space: SpaceID
    public let pages: PageRange
    /// What to store; nil loads.
    public let fill: Fill?
    public private(set) var contents: [PageContent] = []
    private var cursor: Page
    private var access: CPUAccess?

    public init(_ space: SpaceID, _ pages: PageRange, storing fill: Fill?) {
        self.space = space
        self.pages = pages
        self.fill = fill
        cursor = pages.start
    }

    public var told: [Place] { access?.told ?? [] }
    public var returning: Hold? { access?.returning }

    /// Time has passed since the last step: makes the change that it announced.
    public mutating func restart(_ machine: inout Machine) -> Step? { access?.restart(&machine) }

    public mutating func step(_ machine: inout Machine) -> Step {
        while cursor < pages.end {
            var work = access ?? CPUAccess(space, PageRange(cursor), write: fill != nil)
            let step = work.step(&machine)
            access = work
            switch step {
            case .invalidate, .more: return step
            case .failed(let fault):
                switch fault.cause {
                case .notMapped, .notWritable, .wrongKind: contents.add(cursor, .segmentation)
                case .beyondEnd: contents.add(cursor, .busError)
                default: return step
                }
            case .done: touch(&machine)
            }
            access = nil
            cursor = cursor + 1
        }
        return .done
    }

    private mutating func touch(_ machine: inout Machine) {
        machine.spend(Slice.page)
        guard let fill else {
            for run in machine.contents(space, PageRange(cursor)) { contents.add(cursor, run.value) }
            return
        }
        let offset = (cursor - pages.start) << PageSize.shift
        machine.fill(space, cursor.address, UInt64(PageSize.bytes), with: fill, from: offset)
        contents.add(cursor, .written)
    }

    /// Pages that could not be accessed.
    public var faults: UInt64 {
        contents.reduce(0) { $1.value == .segmentation || $1.value == .busError ? $0 + $1.count : $0 }
    }
}
