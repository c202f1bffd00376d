/// What happened, line by line, for whoever has to find out why. Off, it costs nothing.
struct Trace {
    let isOn: Bool
    private(set) var lines: [String] = []

    init(isOn: Bool) { self.isOn = isOn }

    mutating func note(_ line: @autoclosure () -> String) {
        if isOn { lines.append(line()) }
    }
}
