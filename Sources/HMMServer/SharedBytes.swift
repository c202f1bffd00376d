internal import Synchronization

/// Bytes that wait for many, under one bound: past it whoever has more than an equal part has too much, and the others
/// go on.
final class SharedBytes: Sendable {
    private let bytes = Atomic<Int>(0)
    private let sharers = Atomic<Int>(0)
    private let bound: Atomic<Int>

    /// - Parameter bound: `.max` bounds nothing.
    init(bound: Int = .max) { self.bound = Atomic(bound) }

    var count: UInt64 { UInt64(clamping: bytes.load(ordering: .relaxed)) }

    var isEmpty: Bool { bytes.load(ordering: .relaxed) == 0 && sharers.load(ordering: .relaxed) == 0 }

    /// Another bound holds from now on.
    func adopt(bound: Int) { self.bound.store(bound, ordering: .relaxed) }

    func change(by count: Int) { bytes.wrappingAdd(count, ordering: .relaxed) }

    /// True for the first of all who share.
    @discardableResult
    func join() -> Bool { sharers.wrappingAdd(1, ordering: .relaxed).oldValue == 0 }

    /// True for the last.
    @discardableResult
    func leave() -> Bool { sharers.wrappingSubtract(1, ordering: .relaxed).newValue == 0 }

    /// What each may have, if `count` more bytes are too many; nil otherwise.
    @inline(__always)
    func share(with count: Int) -> Int? { share(of: bound.load(ordering: .relaxed), with: count) }

    /// The same under another bound than their own.
    @inline(__always)
    func share(of bound: Int, with count: Int) -> Int? {
        guard bytes.load(ordering: .relaxed) + count > bound else { return nil }
        return bound / max(1, sharers.load(ordering: .relaxed))
    }

    /// So many more are too many, and one for whom `own` bytes wait has more than its share of them.
    @inline(__always)
    func isPassed(by count: Int = 0, own: Int) -> Bool { share(with: count).map { own + count > $0 } ?? false }
}
