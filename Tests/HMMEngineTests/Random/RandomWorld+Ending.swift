import HMMHarness

@testable import HMMEngine
@testable import HMMMemory
@testable import HMMSimulator

/// How a world ends.
extension RandomWorld {
    /// Everybody acknowledges everything until nobody waits; then all memory is compared and given back.
    mutating func finish() throws {
        try settle()
        try compareEverything()
        for (id, space) in spaces.sorted(by: { $0.key < $1.key }) {
            for pages in runs(space) {
                let (va, length) = (pages.lowerBound << 12, UInt64(pages.count) << 12)
                try send(
                    "read \(id) \(va) \(length) as=literal", .load(id, va: va, length: length), as: processes[0])
                try settle()
            }
        }
        try giveEverythingBack()
        guard let machine = peer.tenant?.engine.machine.leftovers else { return }
        guard machine.isEmpty else { throw mismatch("left over: \(machine)") }
        guard peer.framesUsed == 0 else { throw mismatch("\(peer.framesUsed) frames are still in use") }
    }

    /// Pages in a row that the CPU can load, of the middle of a huge page only a few.
    private func runs(_ space: SpaceModel) -> [Range<UInt64>] {
        var runs: [Range<UInt64>] = []
        for number in space.pages.keys.sorted() where number & 511 < 16 || number & 511 >= 500 {
            guard let page = space.pages[number], page.rights != [], page.backing != .io, !memory.isBeyondEnd(page)
            else { continue }
            if let last = runs.last, last.upperBound == number, last.count < 8 {
                runs[runs.count - 1] = last.lowerBound..<number + 1
            } else {
                runs.append(number..<number + 1)
            }
        }
        return runs
    }

    private mutating func giveEverythingBack() throws {
        for pin in pins.keys.sorted() {
            guard let model = pins[pin] else { continue }
            try send("unpin \(pin)", .unpin(pin, pages: model.pages), as: model.owner)
            try settle()
        }
        for name in memory.names.keys.sorted() {
            try send("file.remove \(name)", .removeFile(name), as: processes[0])
            try settle()
        }
        for id in spaces.keys.sorted() {
            try send("mm.drop \(id)", .dropSpace(id), as: processes[1])
            try settle()
        }
        guard spaces.isEmpty else { throw mismatch("spaces \(spaces.keys.sorted()) are still there") }
        for name in devices.keys.sorted() {
            try send("dev.remove \(name)", .removeDevice(name), as: processes[1])
            try settle()
        }
        guard devices.isEmpty else { throw mismatch("devices \(devices.keys.sorted()) are still there") }
    }

    private mutating func settle() throws {
        // A huge page may take a round for each of its pages.
        for _ in 0..<(isHuge ? 20000 : 200) where peer.pendingCount > 0 {
            for name in drivers { try acknowledge(name, percent: 100) }
            try checkEngine()
        }
        guard peer.pendingCount == 0 else { throw mismatch("\(peer.pendingCount) requests wait for nothing") }
        for (name, client) in clients where !client.waiting.isEmpty {
            throw mismatch("\(name) has no answer to \(client.waiting)")
        }
    }

    private func compareEverything() throws {
        for (id, space) in spaces {
            for number in space.pages.keys where !agrees(id, number, memory) {
                throw mismatch("space \(id): page \(number) is not what the model has: \(difference(id, number))")
            }
        }
    }
}

extension Machine {
    /// What is still there when all has been given back.
    fileprivate var leftovers: [String] {
        [
            ("anonymous objects", anonymousObjects.count), ("files", files.count), ("regions", regions.count),
            ("devices", devices.count), ("pins", pins.count), ("huge pages", Int(hugePagesReserved)),
        ].filter { $0.1 != 0 }.map { "\($0.1) \($0.0)" }
    }
}
