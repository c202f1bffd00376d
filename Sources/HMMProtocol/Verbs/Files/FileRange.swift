/// Bounds of what a file can be asked for.
enum FileRange {
    /// The longest a file could be. Kernel: MAX_LFS_FILESIZE.
    static let end = UInt64(Int64.max)

    /// `BADARG` when the range leaves every possible file.
    static func check(_ offset: UInt64, _ length: UInt64) throws(Failure) {
        guard offset <= end, length <= end - offset else {
            throw Failure(.badArgument, "no file reaches beyond 0x7fffffffffffffff")
        }
    }
}
