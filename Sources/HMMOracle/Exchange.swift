/// Requests that belong together, and what their answers mean. Work in progress is a value.
struct Exchange: Equatable {
    /// The step of the scenario it is part of; nil before the first and after the last.
    var step: Scenario.Step?
    var requests: [String]
    var meaning: Meaning

    /// What the answers say.
    enum Meaning: Equatable {
        /// The outcome was known without asking.
        case known(String)
        /// All must succeed, or no scenario can be carried out.
        case needed
        /// Whatever they are.
        case ignored
        /// `ok`, or the errno of the first that failed.
        case success
        case newProcess(String)
        case newChild(String, of: String, keepsMirrors: Bool)
        case newMirror(String, of: String, device: UInt64)
        case reading
        case writing
        case fileReading(pages: UInt64)
        case deviceReading(pages: UInt64)
        case deviceWriting(pages: UInt64)
        /// After success the range is read through the mirror.
        case placing(mirror: UInt64, PageRange)
        case readingBack(pages: UInt64)
        case movingBack
        case snapshot(device: UInt64, pages: UInt64)
        case exclusiveCount
        case referencing
        case pinning(String)
        /// The regions of a device, which are to go.
        case regions(device: UInt64)

        /// Later requests depend on the answer, so none is made before it has come.
        var isAwaited: Bool {
            switch self {
            case .newProcess, .newChild, .newMirror, .placing, .referencing, .pinning, .regions: true
            default: false
            }
        }
    }
}
