internal import HMMMemory
internal import HMMProtocol

/// How answers show memory that is too long to be sent: `as=pages` and `as=ints`.
extension Engine {
    /// What has to be looked through for an answer in `form`; nil when that shows the bytes, or there are none.
    func looking(_ form: DataForm, _ view: BulkAccess.View, _ start: UInt64, _ length: UInt64) -> BulkAccess? {
        guard length > 0 else { return nil }
        switch form {
        case .pages: return BulkAccess(view, start, length, .look)
        // More rows than that have more bytes than an answer.
        case .ints: return BulkAccess(view, start, length, .integers(most: limits.answerBytes / 16))
        case .automatic, .quoted, .hex, .literal: return nil
        }
    }

    /// The rows of what has been found.
    func writeRows(
        _ found: BulkAccess, _ tag: Tag, _ effects: inout Effects, key: StaticString = " va="
    ) throws(Failure) {
        try writeRows(found.contents, tag, &effects, key: key)
        try writeRows(found.integers, tag, &effects, key: key)
    }

    /// A row for each run of pages with equal content.
    func writeRows(
        _ contents: [PageContent], _ tag: Tag, _ effects: inout Effects, key: StaticString = " va="
    ) throws(Failure) {
        let start = effects.text.count
        for run in contents {
            guard effects.text.count - start <= limits.answerBytes else { throw tooMuch }
            effects.text.beginRow(tag)
            effects.text.pair(key, hex: run.start.address)
            effects.text.pair(" pages=", run.count)
            switch run.value {
            case .byte(let byte):
                effects.text.append(" byte=")
                effects.text.append(byte: byte)
            case .mixed: effects.text.append(" mixed=yes")
            case .written: effects.text.append(" done=yes")
            case .segmentation: effects.text.append(" fault=SEGV")
            case .busError: effects.text.append(" fault=BUS")
            }
            effects.text.endLine()
        }
    }

    private var tooMuch: Failure {
        Failure(.limit, "the answer has more than \(limits.answerBytes) bytes; ask for less at a time")
    }

    /// A row for each run of 32-bit integers with equal steps.
    private func writeRows(
        _ runs: [IntegerRun], _ tag: Tag, _ effects: inout Effects, key: StaticString
    ) throws(Failure) {
        let start = effects.text.count
        for run in runs {
            guard effects.text.count - start <= limits.answerBytes else { throw tooMuch }
            effects.text.beginRow(tag)
            effects.text.pair(key, hex: run.start)
            effects.text.pair(" n=", run.count)
            effects.text.append(" first=")
            effects.text.append(signed: run.first)
            effects.text.append(" step=")
            effects.text.append(signed: run.step)
            effects.text.endLine()
        }
    }
}

extension Fill {
    init(_ pattern: Pattern) {
        switch pattern {
        case .byte(let byte): self = .byte(byte)
        case .bytePlusPage(let byte): self = .bytePlusPage(byte)
        case .ints: self = .integers(negative: false)
        case .negativeInts: self = .integers(negative: true)
        }
    }
}
