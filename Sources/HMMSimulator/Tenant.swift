import HMMEngine
import HMMProtocol

/// One tenant's engine, its judge, and who is connected.
final class Tenant {
    let name: ShortName
    var engine: Engine
    var judge = Judge()
    let board = Board()
    var links: [Int] = []
    var lastConnection: UInt32 = 0
    var isDraining = false

    init(_ name: ShortName, _ limits: Limits) {
        self.name = name
        engine = Engine(limits: limits)
    }
}
