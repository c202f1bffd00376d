internal import Glibc

/// Functions of the C library that its Swift module leaves out because they are GNU's own.
enum GNUExtension {
    typealias Mallopt = @convention(c) (_ parameter: Int32, _ value: Int32) -> Int32
    typealias GetAffinity = @convention(c) (_ process: pid_t, _ size: Int, _ set: UnsafeMutableRawPointer) -> Int32

    /// Nil where the C library has no such function.
    static var mallopt: Mallopt? { symbol("mallopt").map { unsafeBitCast($0, to: Mallopt.self) } }

    static var schedGetaffinity: GetAffinity? {
        symbol("sched_getaffinity").map { unsafeBitCast($0, to: GetAffinity.self) }
    }

    private static func symbol(_ name: String) -> UnsafeMutableRawPointer? { dlsym(nil, name) }
}
