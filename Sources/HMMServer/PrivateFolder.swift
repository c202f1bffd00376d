internal import Glibc

/// A directory for its owner only, in the place for temporary files.
public struct PrivateFolder: Sendable {
    public let path: String

    /// - Throws: `SettingError` if it cannot be made, naming the place.
    public init(under parent: String) throws(SettingError) {
        var template = Array("\(parent)/hmmd-XXXXXX".utf8CString)
        // Mode 0700, and a name nobody has.
        let made = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let made else {
            throw SettingError("cannot make a directory in \(parent): \(String(cString: strerror(errno)))")
        }
        path = made
    }

    /// Removes the directory and the files in it; it has no directories.
    public func remove() {
        if let listing = opendir(path) {
            while let entry = readdir(listing) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { unlink("\(path)/\(name)") }
            }
            closedir(listing)
        }
        rmdir(path)
    }
}
