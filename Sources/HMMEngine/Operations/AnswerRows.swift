internal import HMMMemory
internal import HMMProtocol

/// Answers with many rows: how long they may be, and what they cost.
extension Engine {
    /// Rows of an answer: `write` says each of `items`, and `end` what is left to say. False, with none of them there,
    /// when they have more bytes than one answer may have.
    mutating func rows<Items: Sequence>(
        _ items: Items, _ effects: inout Effects,
        _ write: (borrowing Engine, Items.Element, inout WireBuffer) -> Void,
        end: (inout WireBuffer) -> Void = { _ in }
    ) -> Bool {
        let start = effects.text.count
        let bound = start + limits.answerBytes
        for item in items {
            write(self, item, &effects.text)
            if effects.text.count > bound { break }
        }
        end(&effects.text)
        machine.spend(answerOf: effects.text.count - start)
        guard effects.text.count > bound else { return true }
        effects.text.truncate(to: start)
        return false
    }

    var tooManyRows: Failure {
        Failure(.limit, "the answer has more than \(limits.answerBytes) bytes; ask for less at a time")
    }
}
