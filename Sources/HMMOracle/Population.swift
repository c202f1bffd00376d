/// The processes of a scenario that live, and what each holds.
struct Population {
    struct Process {
        var name: String
        /// Number of its address space.
        var space: UInt64
        var mirrors: [HeldMirror] = []
        /// Numbers of its pins.
        var pins: [UInt64] = []
    }

    /// A mirror under the name a process has for it.
    struct HeldMirror: Equatable {
        var name: String
        /// Number of the mirror. It stays on the address space that opened it, whoever holds it.
        var mirror: UInt64
        /// Index of the device it is on.
        var device: UInt64
    }

    /// The oldest first.
    private(set) var living: [Process] = []

    subscript(name: String) -> Process? { living.last { $0.name == name } }

    func mirror(_ name: String, of process: Process) -> HeldMirror? { process.mirrors.last { $0.name == name } }

    mutating func add(_ process: Process) { living.append(process) }

    /// Lets `change` change the process called `name`.
    mutating func update(_ name: String, _ change: (inout Process) -> Void) {
        guard let index = living.lastIndex(where: { $0.name == name }) else { return }
        change(&living[index])
    }

    /// The process gives up a mirror. Returns whether nobody holds it any more.
    mutating func close(_ held: HeldMirror, of process: String) -> Bool {
        update(process) { process in
            guard let index = process.mirrors.lastIndex(of: held) else { return }
            process.mirrors.remove(at: index)
        }
        return !living.contains { $0.mirrors.contains { $0.mirror == held.mirror } }
    }

    mutating func remove(_ name: String) {
        guard let index = living.lastIndex(where: { $0.name == name }) else { return }
        living.remove(at: index)
    }
}
