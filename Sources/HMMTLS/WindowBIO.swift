import COpenSSL

/// The BIO through which OpenSSL reaches a connection's `TransportWindows`.
///
/// The callbacks touch nothing but the windows: no code of ours that could release the connection runs inside them.
enum WindowBIO {
    /// Made once; read-only afterwards, and so safe to share.
    private nonisolated(unsafe) static let method: OpaquePointer? = {
        guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hmm window") else { return nil }
        BIO_meth_set_create(method) { bio in
            BIO_set_init(bio, 1)
            return 1
        }
        BIO_meth_set_read_ex(method, readWindow)
        BIO_meth_set_write_ex(method, writeWindow)
        BIO_meth_set_ctrl(method, controlWindow)
        return method
    }()

    /// The BIO borrows `windows`, which must outlive it. Nil if there is no memory.
    static func make(_ windows: UnsafeMutablePointer<TransportWindows>) -> OpaquePointer? {
        guard let method, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, windows)
        return bio
    }
}

private func windows(_ bio: OpaquePointer?) -> UnsafeMutablePointer<TransportWindows>? {
    BIO_get_data(bio)?.assumingMemoryBound(to: TransportWindows.self)
}

private func readWindow(
    _ bio: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ length: Int, _ done: UnsafeMutablePointer<Int>?
) -> Int32 {
    hmm_BIO_clear_retry_flags(bio)
    guard let windows = windows(bio), let done else { return -1 }
    done.pointee = windows.pointee.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: length))
    if done.pointee > 0 { return 1 }
    if windows.pointee.inputHasEnded { return 0 }
    hmm_BIO_set_retry_read(bio)
    return -1
}

private func writeWindow(
    _ bio: OpaquePointer?, _ buffer: UnsafePointer<CChar>?, _ length: Int, _ done: UnsafeMutablePointer<Int>?
) -> Int32 {
    hmm_BIO_clear_retry_flags(bio)
    guard let windows = windows(bio), let done else { return -1 }
    windows.pointee.write(UnsafeRawBufferPointer(start: buffer, count: length))
    done.pointee = length
    return 1
}

private func controlWindow(
    _ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?
) -> Int {
    guard let windows = windows(bio) else { return 0 }
    switch command {
    case BIO_CTRL_FLUSH: return 1
    // OpenSSL asks after a read of 0 bytes, to tell a connection that was cut from one that merely has nothing yet.
    case BIO_CTRL_EOF: return windows.pointee.inputHasEnded && windows.pointee.availableInput == 0 ? 1 : 0
    case BIO_CTRL_PENDING: return windows.pointee.availableInput
    default: return 0
    }
}
