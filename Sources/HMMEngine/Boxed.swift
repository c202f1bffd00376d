/// Long work in a box: what is stepped is changed in place, however long its lists are. All copies of an operation
/// share it, of which only one is ever taken further. An `indirect case` would keep its own box while its content is
/// changed, which would copy those lists with every step.
///
/// Unchecked: it belongs to its tenant's engine, like the operation.
@dynamicMemberLookup
final class Boxed<Value: Equatable & Sendable>: Equatable, @unchecked Sendable {
    var value: Value

    init(_ value: Value) { self.value = value }

    subscript<Member>(dynamicMember path: KeyPath<Value, Member>) -> Member { value[keyPath: path] }

    static func == (a: Boxed, b: Boxed) -> Bool { a === b || a.value == b.value }
}
