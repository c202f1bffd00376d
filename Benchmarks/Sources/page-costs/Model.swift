import HMMMemory

/// A machine with an address space, a device and the device's mirror, and everybody who lets go at once.
struct Model: ~Copyable {
    var machine: Machine
    let space: SpaceID
    let device: DeviceID
    let coherent: DeviceID
    let mirror: MirrorID

    init(sections: Int) {
        let frames = UInt64((sections + 1) * pagesPerSection)
        machine = Machine(frameLimit: frames * 8)
        space = machine.makeSpace()
        device = machine.makeDevice()
        coherent = machine.makeDevice()
        guard (try? machine.makeRegion(device, pages: frames)) != nil,
            (try? machine.makeRegion(coherent, pages: frames, .coherent)) != nil,
            let mirror = machine.makeMirror(space, device, AddressSpace.everything)
        else { fatalError("no device memory of that size") }
        self.mirror = mirror
    }

    /// Runs an operation to its end, announcing what it wants announced.
    mutating func finish(_ step: (inout Machine) -> Step) {
        while true {
            switch step(&machine) {
            case .done: return
            case .failed(let fault): fatalError("\(fault)")
            case .invalidate(let invalidation):
                for told in machine.begin(invalidation) { machine.letGo(told, invalidation.range) }
                machine.end(invalidation)
            }
        }
    }

    mutating func map(_ range: PageRange) {
        do {
            let plan = MappingPlan(at: range.start, count: range.count, [.read, .write])
            _ = try machine.mapArea(space, plan, areaLimit: 65530)
        } catch {
            fatalError("\(error)")
        }
    }

    mutating func access(_ range: PageRange, write: Bool) {
        var access = CPUAccess(space, range, write: write)
        finish { access.step(&$0) }
    }

    mutating func fault(_ range: PageRange) {
        var fault = RangeFault(mirror, range, FaultRequest(.write), machine)
        finish { fault.step(&$0) }
    }

    /// Returns the number of pages that moved. The mirror's driver is the one that asks, as it usually is.
    @discardableResult
    mutating func migrate(_ range: PageRange, toDevice: Bool) -> UInt64 {
        let movement = Movement(
            to: toDevice ? .device(device) : .system, sources: toDevice ? .system : .device, from: device,
            exempt: [mirror])
        var migration = Migration(space, range, movement)
        finish { migration.step(&$0) }
        return migration.movedCount
    }

    mutating func unmap(_ range: PageRange) {
        var unmapping = Unmapping(space, range)
        finish { unmapping.step(&$0) }
        precondition(unmapping.freed == range.count)
    }

    /// Returns the number of runs; each must be resident.
    func snapshot(_ range: PageRange) -> Int {
        var runs = 0
        var resident: UInt64 = 0
        machine.forEachRun(space, range, for: device) { run in
            runs += 1
            if run.frame != nil { resident += run.count }
            return true
        }
        precondition(resident == range.count)
        return runs
    }

    // MARK: Checks

    /// Writes its own number into every page.
    mutating func stamp(_ range: PageRange) {
        for number in range.start.number..<range.end.number {
            withUnsafeBytes(of: number) { machine.store(space, number << PageSize.shift, 8, from: $0) }
        }
    }

    /// The numbers are still there, in system memory.
    func checkStamps(_ range: PageRange) {
        for number in range.start.number..<range.end.number {
            var found: UInt64 = 0
            withUnsafeMutableBytes(of: &found) { machine.load(space, number << PageSize.shift, into: $0) }
            precondition(found == number, "page \(number) lost its bytes")
        }
    }
}

extension PageRange {
    /// `count` pages from page `start`.
    init(_ start: Int, count: Int) {
        self.init(Page(number: UInt64(start)), Page(number: UInt64(start + count)))
    }
}
