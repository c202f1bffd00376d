internal import HMMMemory
internal import HMMProtocol

/// How answers show memory that is too long to be sent: `as=pages` and `as=ints`.
extension Engine {
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

    /// A row for each run of 32-bit integers with equal steps. `load` fetches bytes from an address on.
    func writeIntegers(
        _ address: UInt64, _ length: UInt64, _ tag: Tag, _ effects: inout Effects, key: StaticString = " va=",
        _ load: (UInt64, UnsafeMutableRawBufferPointer) -> Void
    ) throws(Failure) {
        let start = effects.text.count
        var runs = IntegerRuns(tag, address, key)
        var buffer = [Int32](repeating: 0, count: 1024)
        var done: UInt64 = 0
        while done < length {
            let count = Int(min(4096, length - done)) / 4
            buffer.withUnsafeMutableBytes { bytes in
                load(address + done, UnsafeMutableRawBufferPointer(rebasing: bytes[..<(count * 4)]))
            }
            for index in 0..<count { runs.add(Int32(littleEndian: buffer[index]), to: &effects.text) }
            guard effects.text.count - start <= limits.answerBytes else { throw tooMuch }
            done += UInt64(count) * 4
        }
        runs.end(&effects.text)
    }
}

/// Runs of integers that go up or down by the same step.
struct IntegerRuns {
    private let tag: Tag
    private let key: StaticString
    private var address: UInt64
    private var count: UInt64 = 0
    private var first: Int64 = 0
    private var last: Int64 = 0
    private var step: Int64 = 0

    init(_ tag: Tag, _ address: UInt64, _ key: StaticString) {
        self.tag = tag
        self.key = key
        self.address = address
    }

    mutating func add(_ value: Int32, to text: inout WireBuffer) {
        let value = Int64(value)
        if count == 1 { step = value - last }
        if count > 1, value - last != step { end(&text) }
        if count == 0 {
            first = value
            step = 0
        }
        last = value
        count += 1
    }

    mutating func end(_ text: inout WireBuffer) {
        guard count > 0 else { return }
        text.beginRow(tag)
        text.pair(key, hex: address)
        text.pair(" n=", count)
        text.append(" first=")
        text.append(signed: first)
        text.append(" step=")
        text.append(signed: step)
        text.endLine()
        address += count * 4
        count = 0
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
