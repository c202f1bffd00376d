internal import HMMMemory
internal import HMMProtocol

/// How many areas there may be: a request that makes more of them is refused before it begins, and one that waits has
/// been promised its own.
extension Engine {
    mutating func checkAreas(_ operation: borrowing Operation) throws(Failure) {
        guard let index = machine.spaces.index(of: operation.space) else { return }
        let growth = operation.areaGrowth(machine)
        guard growth.here > 0 || growth.elsewhere > 0 else { return }
        let here = machine.spaces[index].areas.areas.count + growth.here
        let everywhere = areaCount + growth.here + growth.elsewhere
        // Most are far from both bounds, whatever those that wait come to: nobody has to ask them.
        let most = areasPromised
        if here + most.here <= limits.areas, everywhere + most.here + most.elsewhere <= limits.tenantAreas { return }
        let promised = promisedAreas(operation.space)
        machine.spend(4 * UInt64(operations.count))
        if growth.here > 0, here + promised.here > limits.areas {
            throw Failure(.limit, "the address space may have \(limits.areas) areas, and this would make more")
        }
        guard everywhere + promised.everywhere > limits.tenantAreas else { return }
        throw Failure(.limit, "the tenant may have \(limits.tenantAreas) areas in all address spaces together")
    }

    var areaCount: Int { (0..<machine.spaces.count).reduce(0) { $0 + machine.spaces[$1].areas.areas.count } }

    /// Areas that requests are going to make which have not come to it yet.
    private func promisedAreas(_ space: SpaceID) -> (here: Int, everywhere: Int) {
        var here = 0
        var everywhere = 0
        for index in 0..<operations.count {
            let growth = operations[index].areaGrowth(machine)
            if operations[index].space == space { here += growth.here }
            everywhere += growth.here + growth.elsewhere
        }
        return (here, everywhere)
    }
}

/// Areas that requests come to at most, whatever they find: in their own address spaces, and in others.
struct MostAreas: Equatable {
    private(set) var here = 0
    private(set) var elsewhere = 0

    /// `count` more requests of `verb`.
    mutating func add(_ verb: VerbName, _ limits: Limits, count: Int = 1) {
        switch verb {
        case .mmap, .mprotect, .mremap, .madvise: here += 2 * count
        case .munmap: here += count
        case .spaceFork: elsewhere += limits.areas * count
        default: break
        }
    }
}

extension Operation {
    /// How many areas more its address space has at most once it is done, and how many others have.
    func areaGrowth(_ machine: borrowing Machine) -> (here: Int, elsewhere: Int) {
        guard let index = machine.spaces.index(of: space) else { return (0, 0) }
        switch work {
        case .map(let mapping, _):
            let cuts = mapping.plan.replaced.map { machine.spaces[index].areas.growth(removing: $0) } ?? 0
            return (1 + cuts, 0)
        case .unmap(let unmapping): return (machine.spaces[index].areas.growth(removing: unmapping.range), 0)
        case .protect(let change):
            return (
                machine.spaces[index].areas.growth(changing: change.range) { $0.protection != change.protection }, 0
            )
        // The kernel asks for as many, whatever it comes to.
        case .remap: return (2, 0)
        case .advise(let change):
            return (machine.spaces[index].areas.growth(changing: change.range) { change.value.marks($0) }, 0)
        case .fork(let fork): return (0, fork.child == nil ? machine.spaces[index].areas.areas.count : 0)
        default: return (0, 0)
        }
    }
}
