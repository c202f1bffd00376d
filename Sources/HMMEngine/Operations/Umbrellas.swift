internal import HMMMemory
internal import HMMProtocol

/// A pseudo device under which several devices share their memory. Kernel: `struct hmm_device` of 2017.
struct Umbrella: Equatable {
    let name: ShortName
    let group: UInt32
    /// Nobody holds it any more: it goes with the last device under it.
    var isReleased = false
}

/// `hmm.device-new`, `hmm.device-put`.
extension Engine {
    /// The group of the devices under the umbrella called `name`.
    func umbrella(_ name: ShortName) throws(Failure) -> UInt32 {
        guard let entry = umbrellas.first(where: { $0.name == name && !$0.isReleased }) else {
            throw Failure(.noDevice, "there is no umbrella `\(name)`; `hmm.device-new` makes one")
        }
        return entry.group
    }

    mutating func makeUmbrella(_ new: UmbrellaNew, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        guard umbrellas.count < limits.umbrellas else {
            throw Failure(.limit, "the tenant has \(limits.umbrellas) umbrellas already", errno: .EBUSY)
        }
        var name = new.umbrella
        if name.isEmpty {
            for number in 0... {
                guard let candidate = ShortName("hmm-device\(number)") else { continue }
                name = candidate
                if !umbrellas.contains(where: { $0.name == candidate }) { break }
            }
        }
        guard !umbrellas.contains(where: { $0.name == name }) else {
            throw Failure(.exists, "there is an umbrella `\(name)` already")
        }
        // Those of devices that stand alone are far above.
        let group = (1...UInt32(limits.umbrellas)).first { number in !umbrellas.contains { $0.group == number } }
        umbrellas.append(Umbrella(name: name, group: group ?? 0))
        effects.answer(caller)
        effects.text.beginSuccess(caller.tag)
        effects.text.pair(" umbrella=", name)
        effects.text.endLine()
    }

    mutating func putUmbrella(_ put: UmbrellaPut, _ caller: Caller, _ effects: inout Effects) throws(Failure) {
        _ = try umbrella(put.umbrella)
        for index in umbrellas.indices where umbrellas[index].name == put.umbrella {
            umbrellas[index].isReleased = true
        }
        dropUnusedUmbrellas()
        effects.succeed(caller)
    }

    /// Umbrellas that nobody holds and no device is under are forgotten.
    mutating func dropUnusedUmbrellas() {
        let used = (0..<machine.devices.count).map { machine.devices[$0].group }
        umbrellas.removeAll { $0.isReleased && !used.contains($0.group) }
    }
}
