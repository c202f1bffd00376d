/// What happened, line by line, for whoever has to find out why. Off, it costs nothing.
struct Trace {
    let isOn: Bool
    /// Hears every line at once: of a world that ends in a trap nothing else is left.
    let listener: ((String) -> Void)?
    private(set) var lines: [String] = []

    init(isOn: Bool, listener: ((String) -> Void)? = nil) {
        self.isOn = isOn
        self.listener = listener
    }

    mutating func note(_ line: @autoclosure () -> String) {
        guard isOn else { return }
        let line = line()
        lines.append(line)
        listener?(line)
    }
}
