import COpenSSL
import Glibc

/// One entry of the calling thread's OpenSSL error queue.
struct QueuedError {
    var library: Int32
    var reason: Int32
    /// The reason in words; nil for entries which only say that a lower layer failed.
    var text: String?

    func isTLS(_ reason: Int32) -> Bool { library == ERR_LIB_SSL && self.reason == reason }

    /// The number of the alert, if this entry stands for one that the peer sent.
    var alertFromPeer: Int32? {
        // OpenSSL adds a fixed offset to the number of an alert to make its reason code.
        let offset: Int32 = 1000
        guard library == ERR_LIB_SSL, (offset..<offset + 256).contains(reason) else { return nil }
        return reason - offset
    }
}

/// OpenSSL keeps errors in a queue per thread, which all connections of an event loop share. An entry one connection
/// leaves behind looks like the failure of the next, so the queue is emptied before and after every use.
enum ErrorQueue {
    static func clear() { ERR_clear_error() }

    /// Takes all entries out, oldest (the cause) first.
    static func drain() -> [QueuedError] {
        var entries: [QueuedError] = []
        while true {
            let code = ERR_get_error()
            if code == 0 { return entries }
            entries.append(entry(code))
        }
    }

    private static func entry(_ code: UInt) -> QueuedError {
        let library = ERR_GET_LIB(code)
        let reason = ERR_GET_REASON(code)
        if library == ERR_LIB_SYS {
            return QueuedError(library: library, reason: reason, text: String(cString: strerror(reason)))
        }
        if ERR_COMMON_ERROR(code) != 0 { return QueuedError(library: library, reason: reason, text: nil) }
        let text = ERR_reason_error_string(code).map { String(cString: $0) }
        return QueuedError(library: library, reason: reason, text: text ?? "error \(reason) of library \(library)")
    }

    /// All reasons given, each once.
    static func text(of entries: [QueuedError]) -> String {
        var seen: [String] = []
        for text in entries.compactMap(\.text) where !seen.contains(text) { seen.append(text) }
        return seen.joined(separator: ", ")
    }
}
