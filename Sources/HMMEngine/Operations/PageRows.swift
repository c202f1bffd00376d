internal import HMMMemory
internal import HMMProtocol

/// Rows that say where pages are: one for each run of pages with equal state, its frames listed as runs of their own.
struct PageRows {
    /// Frame runs listed on one row; what has more goes on in another row, so that no line grows without bound.
    private static let frameRunsPerRow = 64

    private let tag: Tag
    private var current: PageRun?
    /// Frame runs after the first, when there are any.
    private var more: [(frame: FrameNumber, count: UInt64)] = []
    private var firstCount: UInt64 = 0

    init(_ tag: Tag) { self.tag = tag }

    /// Adds a run that follows the one before it.
    @inline(__always)
    mutating func add(_ run: PageRun, _ names: borrowing RowNames, to text: inout WireBuffer) {
        guard let open = current else { return begin(run) }
        if open.state == run.state, open.order == run.order, append(run, open) { return }
        end(names, &text)
        begin(run)
    }

    @inline(__always)
    private mutating func begin(_ run: PageRun) {
        current = run
        firstCount = run.count
    }

    /// Makes `run` part of the open row; false when the row is full.
    private mutating func append(_ run: PageRun, _ open: PageRun) -> Bool {
        var open = open
        open.count += run.count
        if let frame = run.frame {
            let last = more.last ?? (open.frame ?? frame, firstCount)
            if last.frame.number + last.count == frame.number {
                if more.isEmpty { firstCount += run.count } else { more[more.count - 1].count += run.count }
            } else if more.count + 1 < Self.frameRunsPerRow {
                more.append((frame, run.count))
            } else {
                return false
            }
        }
        current = open
        return true
    }

    /// Writes the open row.
    @inline(__always)
    mutating func end(_ names: borrowing RowNames, _ text: inout WireBuffer) {
        guard let run = current else { return }
        current = nil
        let tag = tag
        text.append(atMost: Self.bound) { Self.begin(run, tag, &$0) }
        if let name = names.name(run.state) { text.pair(" dev=", name) }
        if run.order > 0 { text.pair(" order=", UInt64(run.order)) }
        if let frame = run.frame { writeFrames(frame, &text) }
        text.endLine()
    }

    /// Writes a row for a run whose frames are consecutive.
    @inline(__always)
    static func write(_ run: PageRun, _ tag: Tag, _ text: inout WireBuffer) {
        text.append(atMost: bound) { line in
            begin(run, tag, &line)
            if let frame = run.frame {
                line.put(" pfn=")
                line.put(hex: frame.number)
                if run.count > 1 {
                    line.put("+")
                    line.put(decimal: run.count)
                }
            }
            line.put("\n")
        }
    }

    /// Bytes of a row with one run of frames, at most: a tag, five numbers and the keys.
    private static let bound = 256

    @inline(__always)
    private static func begin(_ run: PageRun, _ tag: Tag, _ line: inout WireBuffer.Cursor) {
        line.put("=")
        line.put(tag)
        line.put(" va=")
        line.put(hex: run.start.address)
        line.put(" pages=")
        line.put(decimal: run.count)
        switch run.state {
        case .error: line.put(" kind=error")
        case .none: line.put(" kind=none")
        case .zero: line.put(" kind=zero perm=r")
        case .system(writable: true): line.put(" kind=ram perm=rw")
        case .system: line.put(" kind=ram perm=r")
        case .devicePrivate(writable: true): line.put(" kind=private perm=rw")
        case .devicePrivate: line.put(" kind=private perm=r")
        case .coherent(_, writable: true): line.put(" kind=coherent perm=rw")
        case .coherent: line.put(" kind=coherent perm=r")
        }
    }

    private mutating func writeFrames(_ first: FrameNumber, _ text: inout WireBuffer) {
        text.pair(" pfn=", hex: first.number)
        if firstCount > 1 { text.pair("+", firstCount) }
        for run in more {
            text.pair(",", hex: run.frame.number)
            if run.count > 1 { text.pair("+", run.count) }
        }
        more.removeAll(keepingCapacity: true)
    }
}

/// The names of devices as rows show them.
struct RowNames {
    let own: ShortName
    let all: DeviceNames

    /// The device whose memory a page is in; nil when that is known without saying.
    func name(_ state: PageRun.State) -> ShortName? {
        guard case .coherent(let device, _) = state else { return nil }
        return all[device]
    }
}
