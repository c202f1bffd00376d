/// Frames that someone does I/O on, until they are given back.
public struct Pin: Sendable {
    public let space: SpaceID
    public let frames: [FrameNumber]
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
    private var cursor: Page
    private var pending: PageChange?
    private var farewell = Farewell()
    /// The result.
    public private(set) var pin: PinID?

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
        while cursor < pages.end {
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

    private mutating func finish(_ machine: inout Machine, _ index: Int) -> Step {
        var frames: [FrameNumber] = []
        for offset in 0..<pages.count {
            let entry = machine.spaces[index].table[pages.start + offset]
            guard entry.hasFrame else { continue }
            if isPin, machine.physical.frame(entry.frame).pointee.pins == Frame.mostPins {
                return .failed(MemoryFault(.limit, pages.start + offset))
            }
            frames.append(entry.frame)
        }
        for frame in frames {
            machine.retain(frame)
            if isPin { machine.physical.frame(frame).pointee.pins += 1 }
        }
        machine.pinnedPages += pages.count
        pin = machine.pins.append(Pin(space: space, frames: frames, pages: self.pages.count, countsAsPin: isPin))
        return .done
    }
}

extension Machine {
    /// Gives the frames of a pin back; nil when there is none. Kernel: unpin_user_pages().
    public mutating func unpin(_ id: PinID) -> UInt64? {
        guard let pin = pins.remove(id) else { return nil }
        pinnedPages -= pin.pages
        for frame in pin.frames {
            if pin.countsAsPin { physical.frame(frame).pointee.pins -= 1 }
            release(frame)
        }
        return pin.pages
    }
}
