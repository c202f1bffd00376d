internal import HMMMemory
internal import HMMProtocol

/// How many areas there may be: a request that makes more of them is refused before it begins, and one that waits has
/// been promised its own.
extension Engine {
    /// - Parameter id: its number, if it has waited already.
    mutating func checkAreas(_ operation: borrowing Operation, _ id: OperationID? = nil) throws(Failure) {
        guard let index = machine.spaces.index(of: operation.space) else { return }
        let growth = operation.areaGrowth(machine)
        guard growth.here > 0 || growth.elsewhere > 0 || operation.isForking else { return }
        let count = machine.spaces[index].areas.areas.count
        let all = areaCount
        // Most are far from both bounds, whatever those that wait come to: nobody has to ask them.
        let most = areasPromised
        let copied = operation.isForking ? most.here : 0
        if count + growth.here + most.here <= limits.areas,
            all + growth.here + growth.elsewhere + most.here + most.elsewhere + copied <= limits.tenantAreas
        {
            return
        }
        let promised = promisedAreas(with: operation, id)
        if growth.here > 0, count + (promised.here[operation.space] ?? 0) > limits.areas {
            throw Failure(.limit, "the address space may have \(limits.areas) areas, and this would make more")
        }
        guard all + promised.everywhere > limits.tenantAreas else { return }
        throw Failure(.limit, "the tenant may have \(limits.tenantAreas) areas in all address spaces together")
    }

    private mutating func promisedAreas(
        with operation: borrowing Operation, _ id: OperationID?
    ) -> PromisedAreas {
        var promised = PromisedAreas()
        for index in 0..<operations.count where operations.id(at: index) != id {
            promised.add(operations[index], machine)
        }
        promised.add(operation, machine)
        machine.spend(4 * UInt64(operations.count))
        return promised
    }

    var areaCount: Int { (0..<machine.spaces.count).reduce(0) { $0 + machine.spaces[$1].areas.areas.count } }
}

/// Areas that requests are going to make which have not come to it yet, the oldest request's first.
private struct PromisedAreas {
    /// Of each address space.
    private(set) var here: [SpaceID: Int] = [:]
    private(set) var everywhere = 0

    /// A copy will have what those make that come before it; whoever comes later waits for it.
    mutating func add(_ operation: borrowing Operation, _ machine: borrowing Machine) {
        let growth = operation.areaGrowth(machine)
        if growth.here > 0 { here[operation.space, default: 0] += growth.here }
        let copied = operation.isForking ? here[operation.space] ?? 0 : 0
        everywhere += growth.here + growth.elsewhere + copied
    }
}

/// Areas that requests come to at most, whatever they find: in their own address spaces, and in others.
struct MostAreas: Equatable {
    private(set) var here = 0
    private(set) var elsewhere = 0

    /// `count` more requests of `verb`.
    mutating func add(_ verb: VerbName, _ limits: Limits, count: Int = 1) {
        switch verb {
        case .mmap, .mremap, .madvise: here += 2 * count
        // One more for a while, where it is done in pieces.
        case .mprotect: here += 3 * count
        case .munmap: here += count
        case .spaceFork: elsewhere += limits.areas * count
        default: break
        }
    }
}

extension Operation {
    /// A copy of its address space is going to be made.
    fileprivate var isForking: Bool { if case .fork(let fork) = work { fork.child == nil } else { false } }

    /// How many areas more its address space has at most once it is done, and how many others have.
    func areaGrowth(_ machine: borrowing Machine) -> (here: Int, elsewhere: Int) {
        guard let index = machine.spaces.index(of: space) else { return (0, 0) }
        switch work {
        case .map(let mapping, _):
            let cuts = mapping.plan.replaced.map { machine.spaces[index].areas.growth(removing: $0) } ?? 0
            return (1 + cuts, 0)
        case .unmap(let unmapping): return (machine.spaces[index].areas.growth(removing: unmapping.range), 0)
        case .protect(let change):
            let growth = machine.spaces[index].areas.growth(changing: change.range) {
                $0.protection != change.protection
            }
            return (growth + (change.isInPieces ? 1 : 0), 0)
        // The kernel asks for as many, whatever it comes to.
        case .remap: return (2, 0)
        case .advise(let change):
            return (machine.spaces[index].areas.growth(changing: change.range) { change.value.marks($0) }, 0)
        case .fork(let fork): return (0, fork.child == nil ? machine.spaces[index].areas.areas.count : 0)
        default: return (0, 0)
        }
    }
}
