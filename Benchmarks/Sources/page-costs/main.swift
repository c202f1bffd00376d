// What pages cost in the memory model, beside memcpy and memset of the same pages in the same run. No protocol, no sockets.
//
//     page-costs [--pages N] [--rounds N]

/// The value of a flag, or `standard` when it is absent.
func option(_ name: String, default standard: Int) -> Int {
    guard let index = CommandLine.arguments.firstIndex(of: name) else { return standard }
    guard index + 1 < CommandLine.arguments.count, let value = Int(CommandLine.arguments[index + 1]), value > 0 else {
        fatalError("\(name) needs a number from 1")
    }
    return value
}

let pages = option("--pages", default: 1 << 18)
let rounds = option("--rounds", default: 5)

returnFreedSectionsAtOnce()
let sections = max(1, pages / pagesPerSection)
let raw = RawMemory(sections: sections)
var warm = WarmMachine(sections: sections)
var results = Results()
for round in 0..<rounds {
    print("round \(round + 1) of \(rounds)")
    raw.measure(into: &results)
    RawMemory.measureCold(sections: sections, into: &results)
    warm.measure(into: &results)
    measureCold(sections: sections, into: &results)
    measureSharing(pages: min(pages, 1 << 16), into: &results)
    measureLargeAndSparse(into: &results)
}
print("\n\(sections * pagesPerSection) pages, medians of \(rounds) rounds")
results.printTable()
