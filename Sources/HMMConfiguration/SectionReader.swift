internal import HMMServer
internal import Yams

/// Collects what is wrong with a file.
final class FileErrors {
    let file: String
    private(set) var all: [SettingError] = []

    init(file: String) { self.file = file }

    func place(_ mark: Mark?) -> FilePlace { FilePlace(file: file, line: mark?.line ?? 1, column: mark?.column ?? 1) }

    func add(_ text: String, at mark: Mark?) { add(text, at: place(mark)) }

    func add(_ text: String, at place: FilePlace) { add(SettingError(text, at: place)) }

    func add(_ error: SettingError) { all.append(error) }
}

/// One mapping of the file, its keys checked against those there may be.
struct SectionReader<Key: ConfigurationKey> {
    let mark: Mark?
    private var values: [Key: Node] = [:]
    private let errors: FileErrors

    /// - Parameter name: what errors call the section.
    init(_ node: Node, _ name: String, _ errors: FileErrors) {
        mark = node.mark
        self.errors = errors
        guard let pairs = pairs(of: node, name, errors) else { return }
        for (name, keyMark, value) in pairs {
            guard let key = Key(rawValue: name) else {
                let known = Key.allCases.map(\.rawValue)
                errors.add("unknown key '\(name)'\(NearMiss.hint(name, among: known))", at: keyMark)
                continue
            }
            values[key] = value
        }
    }

    func node(_ key: Key) -> Node? { values[key] }

    /// `[]`, which says that there is nothing, and is not nothing said.
    func hasEmptyList(_ key: Key) -> Bool {
        if case .sequence(let list)? = values[key] { list.isEmpty } else { false }
    }

    /// The keys that are there, in the order of the table.
    var keys: [Key] { Key.allCases.filter { values[$0] != nil } }

    /// The text of a scalar; words of a list with commas between them, where `joinsLists`.
    func text(_ key: Key, joinsLists: Bool = false) -> GivenSettings.FileValue? {
        guard let node = values[key] else { return nil }
        let place = errors.place(node.mark)
        if case .scalar(let scalar) = node { return .init(scalar.string, at: place) }
        if joinsLists, case .sequence(let list) = node {
            let words = list.compactMap(\.scalar?.string)
            if words.count == list.count { return .init(words.joined(separator: ","), at: place) }
        }
        errors.add("\(key.rawValue): expected \(key.spec.form), found \(kind(of: node))", at: node.mark)
        return nil
    }

    /// The value as `parse` reads it; nil when it is absent or cannot be read.
    func value<T>(_ key: Key, joinsLists: Bool = false, _ parse: (String) -> T?) -> T? {
        guard let given = text(key, joinsLists: joinsLists) else { return nil }
        if let value = parse(given.text) { return value }
        errors.add("\(key.rawValue) '\(given.text)': expected \(key.spec.form)", at: values[key]?.mark)
        return nil
    }

    /// As above, of a key that must be there.
    func required<T>(_ key: Key, _ parse: (String) -> T?) -> T? {
        if values[key] == nil { errors.add("\(key.rawValue) is missing: \(key.spec.form)", at: mark) }
        return value(key, parse)
    }

    func refuse(_ key: Key, _ reason: String) { errors.add("\(key.rawValue) \(reason)", at: values[key]?.mark ?? mark) }
}

/// Keys and values of a mapping in their order; nil, and an error, for anything else. Nothing at all counts as empty.
func pairs(of node: Node, _ name: String, _ errors: FileErrors) -> [(name: String, mark: Mark?, value: Node)]? {
    if isNothing(node) { return [] }
    guard case .mapping(let mapping) = node else {
        errors.add("\(name): expected keys with values, found \(kind(of: node))", at: node.mark)
        return nil
    }
    // Others there are none: see `KeyScan`.
    return mapping.compactMap { key, value in key.scalar.map { ($0.string, key.mark, value) } }
}

/// The elements of a list; none, and an error, for anything else.
func elements(of node: Node?, _ name: String, _ errors: FileErrors) -> [Node] {
    guard let node, !isNothing(node) else { return [] }
    guard case .sequence(let list) = node else {
        errors.add("\(name): expected a list, found \(kind(of: node))", at: node.mark)
        return []
    }
    return Array(list)
}

/// A key with nothing behind it.
private func isNothing(_ node: Node) -> Bool {
    if case .scalar(let scalar) = node, scalar.string.isEmpty, scalar.style == .plain { return true }
    return false
}

private func kind(of node: Node) -> String {
    switch node {
    case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string)'"
    case .mapping: "keys with values"
    case .sequence: "a list"
    case .alias: "an alias"
    }
}
