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
    mutating func writeRows(
        _ found: BulkAccess, _ tag: Tag, _ effects: inout Effects, key: StaticString = " va="
    ) throws(Failure) {
        try writeRows(found.contents, tag, &effects, key: key)
        try writeRows(found.integers, tag, &effects, key: key)
    }

    /// A row for each run of pages with equal content.
    mutating func writeRows(
        _ contents: [PageContent], _ tag: Tag, _ effects: inout Effects, key: StaticString = " va="
    ) throws(Failure) {
        let fits = rows(contents, &effects) { _, run, text in
            text.beginRow(tag)
            text.pair(key, hex: run.start.address)
            text.pair(" pages=", run.count)
            switch run.value {
            case .byte(let byte):
                text.append(" byte=")
                text.append(byte: byte)
            case .mixed: text.append(" mixed=yes")
            case .written: text.append(" done=yes")
            case .segmentation: text.append(" fault=SEGV")
            case .busError: text.append(" fault=BUS")
            }
            text.endLine()
        }
        guard fits else { throw tooManyRows }
    }

    /// A row for each run of 32-bit integers with equal steps.
    private mutating func writeRows(
        _ runs: [IntegerRun], _ tag: Tag, _ effects: inout Effects, key: StaticString
    ) throws(Failure) {
        let fits = rows(runs, &effects) { _, run, text in
            text.beginRow(tag)
            text.pair(key, hex: run.start)
            text.pair(" n=", run.count)
            text.append(" first=")
            text.append(signed: run.first)
            text.append(" step=")
            text.append(signed: run.step)
            text.endLine()
        }
        guard fits else { throw tooManyRows }
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
