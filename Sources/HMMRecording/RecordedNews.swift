internal import HMMEngine

/// News of the recording as they are written in it: in their own words.
enum RecordedNews {
    /// Nil when it says nothing known here.
    static func news(_ text: String) -> RecordingNews? {
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        switch (words[0], words.count) {
        case ("kept", 1): return .kept(.onRequest)
        case ("kept", 2): return RecordingRule(rawValue: words[1]).map { .kept($0) }
        case ("began", 3): return RecordingRule(rawValue: words[2]).map { .began(file: words[1], $0) }
        case ("refused", 2): return RecordingRefusal(rawValue: words[1]).map { .refused($0) }
        case ("ended", 2): return RecordingEnd(rawValue: words[1]).map { .ended($0) }
        default: return nil
        }
    }
}
