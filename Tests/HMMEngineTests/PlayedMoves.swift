import HMMHarness
import HMMTranscript

/// What the clients of a transcript did, without what came of it: for playing it again where things go otherwise.
enum PlayedMoves {
    enum Move {
        case connect(String, tenant: String)
        case send(String, [UInt8])
        case wait(UInt64)
        case cut(String)
    }

    static func of(_ file: String) throws -> [Move] {
        var moves: [Move] = []
        var peer = EnginePeer()
        try peer.play(try TranscriptTests.transcript(file)) { moment in
            switch moment {
            case .connected(let name, let tenant): moves.append(.connect(name, tenant: tenant))
            case .sent(let name, let octets): moves.append(.send(name, octets))
            case .waiting(let milliseconds): moves.append(.wait(milliseconds))
            case .cut(let name): moves.append(.cut(name))
            case .remark, .heading, .received, .ended: break
            }
        }
        return moves
    }
}

extension EnginePeer {
    mutating func make(_ move: PlayedMoves.Move) throws {
        switch move {
        case .connect(let name, let tenant): try connect(name, tenant: tenant)
        case .send(let name, let octets): try send(octets, on: name)
        case .wait(let milliseconds): try advance(milliseconds: milliseconds)
        case .cut(let name): try cut(name)
        }
    }
}
