import HMMEngine
import HMMProtocol

/// One tenant's engine, its judge, and who is connected.
final class Tenant {
    let name: ShortName
    var engine: Engine
    var judge: Judge
    let board = Board()
    var links: [Int] = []
    var lastConnection: UInt32 = 0
    var isDraining = false
    var dice: Dice

    /// When work that was cut goes on.
    var nextSlice: UInt64?
    /// Inputs that came while work was cut and have not had their turn, in the order handed in.
    var deferred: [Input] = []
    /// Connections with bytes that are not looked at while work is cut.
    var waiting: [Int] = []

    init(_ name: ShortName, _ limits: Limits, _ dice: Dice) {
        self.name = name
        self.dice = dice
        engine = Engine(limits: limits)
        judge = Judge(limits)
    }
}
