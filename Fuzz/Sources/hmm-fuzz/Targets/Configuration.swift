import HMMConfiguration
import HMMServer

/// A configuration file. Every error has a place and a sentence; nothing traps.
enum ConfigurationTarget {
    static func run(_ input: UnsafeRawBufferPointer) {
        guard input.count < 1 << 14 else { return }
        let source = ConfigurationSource(file: "fuzz.yaml", flags: [:], environment: [:])
        do {
            _ = try source.read(text: String(decoding: input, as: UTF8.self))
        } catch {
            guard !"\(error)".isEmpty else { finding("an error without a word") }
        }
    }
}
