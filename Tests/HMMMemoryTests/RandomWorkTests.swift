import Testing

@testable import HMMMemory

/// Work of every kind at random, the same for each seed: the state is in order after every step, and nothing is left.
@Suite struct RandomWorkTests {
    /// A machine whose work is drawn by lot.
    private struct Lottery: ~Copyable {
        var machine = Machine(frameLimit: 3000)
        var numbers: Numbers
        var spaces: [SpaceID] = []
        var devices: [DeviceID] = []
        var mirrors: [MirrorID] = []
        var pins: [PinID] = []
        let file: FileID

        init(seed: UInt64) throws {
            numbers = Numbers(seed: seed)
            file = machine.makeFile(length: 24 << 12)
            spaces = [machine.makeSpace()]
            for kind in [Region.Kind.devicePrivate, .coherent] {
                let device = machine.makeDevice(kind == .coherent ? .standard : .dmirror)
                _ = try machine.makeRegion(device, pages: 24, kind)
                devices.append(device)
                mirrors.append(try required(machine.makeMirror(spaces[0], device, AddressSpace.everything)))
            }
            for start in [16, 480, 64, 96] as [UInt64] { map(spaces[0], start) }
        }

        /// Where areas of each kind lie; the second holds a huge page.
        mutating func map(_ space: SpaceID, _ start: UInt64) {
            let plan =
                switch start {
                case 16: MappingPlan(at: Page(number: 16), count: 32, [.read, .write])
                case 64, 96:
                    MappingPlan(
                        at: Page(number: start), count: 24, [.read, .write], .file, shared: start == 64, file: file)
                default: MappingPlan(at: Page(number: start), count: 600, [.read, .write])
                }
            _ = try? machine.mapArea(space, plan, areaLimit: 50)
        }

        mutating func range() -> PageRange {
            let start = [16, 16, 64, 96, 505, 512, 1015][Int(numbers.roll(7))] + numbers.roll(24)
            return PageRange(start, count: 1 + numbers.roll(numbers.roll(8) == 0 ? 560 : 12))
        }

        mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(numbers.roll(UInt64(values.count)))] }

        mutating func draw() {
            let space = pick(spaces)
            let pages = range()
            let flag = numbers.roll(2) == 0
            switch numbers.roll(18) {
            case 0, 1, 2: machine.write(space, pages)
            case 3: machine.run(CPUAccess(space, pages, write: false))
            case 4: machine.run(RangeFault(pick(mirrors), pages, FaultRequest(flag ? .write : .read), machine))
            case 5: machine.run(ExclusiveAccess(pick(mirrors), pages, batch: 8, exempt: [], machine))
            case 6, 7: machine.run(Migration(space, pages, .there(pick(devices)), batch: flag ? 64 : .max))
            case 8: machine.run(Migration(space, pages, .back()))
            case 9: machine.run(Eviction([machine.regions.id(at: Int(numbers.roll(2)))], machine))
            case 10:
                if flag { machine.run(Unmapping(space, pages)) }
                map(space, pick([16, 480, 64, 96]))
            case 11: machine.run(ProtectionChange(space, pages, pick([.read, [.read, .write], [.read, .write]])))
            case 12, 13: machine.run(AdviceChange(space, pages, pick(MemoryAdvice.allCases)))
            case 14: remap(space, pages)
            case 15: forkOrExit()
            case 16: pin(space, pages, flag)
            default: machine.run(FileCut(truncating: file, to: numbers.roll(24 << 12), machine))
            }
        }

        private mutating func remap(_ space: SpaceID, _ pages: PageRange) {
            let target: Page? = numbers.roll(2) == 0 ? nil : Page(number: 2048 + numbers.roll(64))
            machine.run(
                Remapping(
                    space, pages, count: 1 + numbers.roll(20), to: target, mayMove: true,
                    keepsOld: target != nil && numbers.roll(3) == 0, areaLimit: 60))
        }

        private mutating func forkOrExit() {
            if spaces.count < 3 {
                var fork = Fork(pick(spaces))
                machine.run(&fork)
                if let child = fork.child { spaces.append(child) }
            } else {
                exit(spaces.removeLast())
            }
        }

        private mutating func exit(_ space: SpaceID) {
            machine.run(SpaceExit(space))
            machine.removeSpace(space)
        }

        private mutating func pin(_ space: SpaceID, _ pages: PageRange, _ flag: Bool) {
            if let pin = pins.popLast() {
                machine.unpin(pin)
            } else {
                var work = Pinning(space, pages, write: flag, pin: numbers.roll(2) == 0, longTerm: numbers.roll(2) == 0)
                machine.run(&work)
                if let pin = work.pin { pins.append(pin) }
            }
        }

        mutating func finish() {
            for space in spaces.reversed() { exit(space) }
            for pin in pins { machine.unpin(pin) }
            for mirror in mirrors { machine.dropMirror(mirror) }
            machine.run(FileRemoval(file))
        }
    }

    @Test(arguments: 0..<12 as Range<UInt64>) func theStateStaysInOrder(_ seed: UInt64) throws {
        var lottery = try Lottery(seed: seed)
        for _ in 0..<120 { lottery.draw() }
        lottery.finish()
        #expect(lottery.machine.violations() == [])
        #expect(lottery.machine.physical.used == 0 && lottery.machine.tableNodes.used == 0)
        #expect(lottery.machine.anonymousObjects.count == 0 && lottery.machine.files.isEmpty)
    }
}
