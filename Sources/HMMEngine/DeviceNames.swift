internal import HMMMemory
internal import HMMProtocol

/// The names of the devices that there are, in the order of their numbers. The 256 that a tenant may have are found by
/// looking at each.
struct DeviceNames: Equatable {
    private var entries: [(id: DeviceID, name: ShortName)] = []

    static func == (a: Self, b: Self) -> Bool { a.entries.elementsEqual(b.entries) { $0 == $1 } }

    mutating func append(_ name: ShortName, _ id: DeviceID) { entries.append((id, name)) }

    mutating func remove(_ id: DeviceID) { entries.removeAll { $0.id == id } }

    func id(of name: ShortName) -> DeviceID? { entries.first { $0.name == name }?.id }

    /// The name, or none when the device has gone.
    subscript(id: DeviceID) -> ShortName { entries.first { $0.id == id }?.name ?? .none }
}
