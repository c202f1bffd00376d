/// Frames that someone does I/O on, until they are given back.
public struct Pin: Sendable {
    public let space: SpaceID
    public internal(set) var frames: ArraySlice<FrameNumber> = []
    /// Pages asked for, those of the zero page included, which nobody counts.
    let pages: UInt64
    /// They are counted as pins, too. Kernel: FOLL_PIN, not FOLL_GET.
    let countsAsPin: Bool
}

/// Takes references to the pages of a range. Kernel: get_user_pages() and pin_user_pages().
public struct Pinning: SteppedWork {
    public let space: SpaceID
    public let pages: PageRange
    public let isWrite: Bool
    private let isPin: Bool
    /// Memory that must not stay on a device moves to system memory first. Kernel: FOLL_LONGTERM.
    private let isLongTerm: Bool
    private var phase = Phase.faulting
    /// How far the phase has come.
    private var cursor: Page
    private var pending: PageChange?
    private var farewell = Farewell()
    /// The result.
    public private(set) var pin: PinID?

    private enum Phase: Equatable {
        case faulting
        /// Each page is counted as pinned, as often as it is there: a frame may be that in many places.
        case counting
        /// This one cannot be counted any more: those before are what they were again.
        case givingBack(Page)
        case taking
    }

    public init(_ space: SpaceID, _ pages: PageRange, write: Bool, pin: Bool, longTerm: Bool) {
        self.space = space
        self.pages = pages
        isWrite = write
        isPin = pin
        isLongTerm = longTerm
        cursor = pages.start
    }

    /// The page frames that it takes.
    public var demand: FrameDemand {
        FrameDemand(space, pages, isPin && !isWrite ? .pin(longTerm: isLongTerm) : .access(write: isWrite))
    }

    /// Pages elsewhere that have been announced and not changed yet.
    public var told: [Place] { farewell.places }

    /// Time has passed since the last step: makes the change that it announced, and begins anew.
    public mutating func restart(_ machine: inout Machine) -> Step? {
        cursor = pages.start
        return machine.settle(&pending)
    }

    public mutating func step(_ machine: inout Machine) -> Step {
        if let step = machine.settle(&pending) { return step }
        guard let index = machine.spaces.index(of: space) else { return .failed(MemoryFault(.gone, pages.start)) }
        while phase == .faulting, cursor < pages.end {
            if machine.isSliceSpent { return .more }
            machine.spend(Slice.entry)
            guard let area = machine.spaces[index].areas.area(at: cursor), area.kind != .io,
                isWrite ? area.isWritable : area.isReadable
            else { return .failed(MemoryFault(.notMapped, cursor)) }
            let entry = machine.spaces[index].table[cursor]
            let need = need(entry, area, machine)
            if let need {
                switch machine.handleFault(space, cursor, upTo: pages.end, need) {
                case .ready: continue
                case .invalidate(let invalidation, let change):
                    pending = change
                    return .invalidate(invalidation)
                case .failed(let cause): return .failed(MemoryFault(cause, cursor))
                }
            }
            if isLongTerm, entry.kind == .coherent, let step = moveOff(entry.frame, &machine) { return step }
            farewell.end()
            cursor = cursor + 1
        }
        return finish(&machine, index)
    }

    /// What the page still needs; nil when it can be had as it is. Kernel: follow_page_pte() and gup_must_unshare().
    private func need(_ entry: PageEntry, _ area: Area, _ machine: borrowing Machine) -> FaultNeed? {
        guard entry.isPresent else { return isWrite ? .write : .read }
        if entry.isWritable { return nil }
        if isWrite { return .write }
        guard isPin, area.copiesOnWrite else { return nil }
        guard entry.hasFrame, machine.physical.frame(entry.frame).pointee.isAnonymous else {
            return isLongTerm ? .unshare : nil
        }
        return machine.physical.frame(entry.frame).pointee.isExclusivelyOwned ? nil : .unshare
    }

    /// Kernel: migrate_device_coherent_folio().
    private mutating func moveOff(_ frame: FrameNumber, _ machine: inout Machine) -> Step? {
        if let place = farewell.next(frame, taken: nil, &machine) { return .invalidate(machine.farewell(place)) }
        let (outcome, _) = machine.move(frame, Movement(to: .system, sources: .device, from: nil, exempt: []))
        return outcome == .moved ? nil : .failed(MemoryFault(.pinned, cursor))
    }

    /// Every page is there and can be had: nobody comes between until all are taken.
    private mutating func finish(_ machine: inout Machine, _ index: Int) -> Step {
        if phase == .faulting { begin(.counting) }
        if phase == .counting {
            guard count(&machine, index) else { return .more }
        }
        if case .givingBack(let page) = phase {
            guard giveBack(&machine, index) else { return .more }
            return .failed(MemoryFault(.limit, page))
        }
        guard let pin, let position = machine.pins.index(of: pin) else { return .done }
        while cursor < pages.end {
            if machine.isSliceSpent { return .more }
            machine.spend(Slice.entry)
            let entry = machine.spaces[index].table[cursor]
            cursor = cursor + 1
            guard entry.hasFrame else { continue }
            machine.retain(entry.frame)
            machine.pins[position].frames.append(entry.frame)
        }
        return .done
    }

    /// Goes on with counting the pages as pinned until the slice is spent; false when there is more.
    private mutating func count(_ machine: inout Machine, _ index: Int) -> Bool {
        while isPin, cursor < pages.end {
            if machine.isSliceSpent { return false }
            machine.spend(Slice.entry)
            let entry = machine.spaces[index].table[cursor]
            if entry.hasFrame {
                let frame = machine.physical.frame(entry.frame)
                guard frame.pointee.pins < Frame.mostPins else {
                    phase = .givingBack(cursor)
                    return true
                }
                frame.pointee.pins += 1
            }
            cursor = cursor + 1
        }
        begin(.taking)
        machine.pinnedPages += pages.count
        pin = machine.pins.append(Pin(space: space, pages: pages.count, countsAsPin: isPin))
        return true
    }

    /// Goes on with taking that back until the slice is spent; false when there is more.
    private mutating func giveBack(_ machine: inout Machine, _ index: Int) -> Bool {
        while cursor > pages.start {
            if machine.isSliceSpent { return false }
            machine.spend(Slice.entry)
            cursor = Page(number: cursor.number - 1)
            let entry = machine.spaces[index].table[cursor]
            if entry.hasFrame { machine.physical.frame(entry.frame).pointee.pins -= 1 }
        }
        return true
    }

    private mutating func begin(_ next: Phase) {
        phase = next
        cursor = pages.start
    }
}

/// Gives the frames of pins back. Kernel: unpin_user_pages().
public struct Unpinning: SteppedWork {
    private var pins: [PinID]
    /// Pages that had been asked for.
    public private(set) var pages: UInt64 = 0

    public init(_ pins: [PinID]) { self.pins = pins.reversed() }

    public mutating func step(_ machine: inout Machine) -> Step {
        while let pin = pins.last {
            if let index = machine.pins.index(of: pin) {
                guard machine.releaseFrames(ofPin: index) else { return .more }
                let given = machine.pins.remove(pin)?.pages ?? 0
                machine.pinnedPages -= given
                pages += given
            }
            pins.removeLast()
        }
        return .done
    }
}

extension Machine {
    /// Goes on with giving the frames of a pin back until the slice is spent; false when there is more.
    fileprivate mutating func releaseFrames(ofPin index: Int) -> Bool {
        let countsAsPin = pins[index].countsAsPin
        while let frame = pins[index].frames.first {
            if isSliceSpent { return false }
            spend(Slice.entry)
            pins[index].frames.removeFirst()
            if countsAsPin { physical.frame(frame).pointee.pins -= 1 }
            release(frame)
        }
        return true
    }
}
