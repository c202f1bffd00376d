import HMMEngine
import HMMProtocol

/// A request that is refused for want of room, rights or turns has changed nothing.
extension World {
    /// This input has caused one such refusal and nothing else.
    var isRefusal: Bool {
        let said = String(decoding: effects.text.bytes, as: UTF8.self)
        let words = said.split(separator: " ", maxSplits: 2)
        guard words.count > 2, words[0].hasPrefix("-"), said.firstIndex(of: "\n") == said.indices.last else {
            return false
        }
        return ["LIMIT", "BUSY", "DENIED", "GATED"].contains(words[1])
    }

    func checkUnchanged(_ input: Input, _ before: [String], _ tenant: Tenant) throws(Violation) {
        guard let after = tenant.engine.state(before: input) else { return }
        let changes = Set(before).symmetricDifference(after).sorted()
        guard !changes.isEmpty else { return }
        throw Violation(.policy, "what is refused leaves \(changes.joined(separator: "; "))")
    }
}

extension Engine {
    /// What `input` must leave as it is if it is refused.
    func state(before input: Input) -> [String]? {
        guard case .request(_, _, let request) = input else { return nil }
        switch request {
        case .ack: return nil
        // Each page is a request of its own.
        case .read(let read) where read.each: return nil
        case .write(let write) where write.each: return nil
        // These make pages ready one after the other, or show them to a device: those that are stay, with the bytes
        // that were there.
        case .read, .write, .fault, .faultPages, .pin, .deviceRead, .deviceWrite, .madvise, .getPfns, .vmaFault,
            .exclusive:
            return visibleState()
        // Pages that can leave have left before one is found that cannot.
        case .regionRemove, .deviceRemove: return visibleState()
        default: return wholeState()
        }
    }
}
