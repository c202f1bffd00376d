internal import CYaml
internal import HMMServer

/// Reads the keys of a YAML text before anything is made of it. A key has to be a word: whoever compares keys that are
/// aliases of aliases is at it for ever. And it stands only once.
struct KeyScan {
    /// A mapping or a list that has begun and not ended.
    private struct Level {
        let isMapping: Bool
        var keys: Set<String> = []
        var expectsKey = true
    }

    private let file: String
    private var levels: [Level] = []
    private(set) var errors: [SettingError] = []

    /// Reads as far as the text is YAML; where it is not is for others to say.
    ///
    /// - Parameter file: what errors call the text.
    init(_ text: String, file: String) {
        self.file = file
        // It points to itself, so it stays in its place.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else { return }
        defer { yaml_parser_delete(parser) }
        Array(text.utf8).withUnsafeBufferPointer { bytes in
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
            var isOver = false
            while !isOver {
                var event = yaml_event_t()
                guard yaml_parser_parse(parser, &event) == 1 else { return }
                isOver = event.type == YAML_STREAM_END_EVENT
                take(event)
                yaml_event_delete(&event)
            }
        }
    }

    private mutating func take(_ event: yaml_event_t) {
        switch event.type {
        case YAML_ALIAS_EVENT: begin("an alias", event)
        case YAML_SCALAR_EVENT: begin(nil, event)
        case YAML_SEQUENCE_START_EVENT:
            begin("a list", event)
            levels.append(Level(isMapping: false))
        case YAML_MAPPING_START_EVENT:
            begin("keys with values", event)
            levels.append(Level(isMapping: true))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: _ = levels.popLast()
        default: break
        }
    }

    /// A key, a value or an element.
    ///
    /// - Parameter kind: what it is; nil for a word.
    private mutating func begin(_ kind: String?, _ event: yaml_event_t) {
        let top = levels.count - 1
        guard top >= 0, levels[top].isMapping else { return }
        defer { levels[top].expectsKey.toggle() }
        guard levels[top].expectsKey else { return }
        let mark = event.start_mark
        let place = FilePlace(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
        if let kind {
            errors.append(SettingError("a key is a word, found \(kind)", at: place))
        } else if let word = Self.word(event), !levels[top].keys.insert(word).inserted {
            errors.append(SettingError("'\(word)' is given twice", at: place))
        }
    }

    private static func word(_ event: yaml_event_t) -> String? {
        let scalar = event.data.scalar
        return scalar.value.map {
            String(decoding: UnsafeBufferPointer(start: $0, count: scalar.length), as: UTF8.self)
        }
    }
}
