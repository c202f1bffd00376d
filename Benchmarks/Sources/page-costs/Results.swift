import Foundation

/// Something that is measured, for each page.
enum Cost: String, CaseIterable {
    case memset = "memset of 4 KiB"
    case memcpy = "memcpy of 4 KiB"
    case firstTouch = "first touch by the CPU"
    case snapshot = "snapshot, memory in one piece"
    case scatteredSnapshot = "snapshot, every page on its own"
    case deviceFault = "device fault of resident pages"
    case deviceFaultAgain = "device fault again"
    case singleFault = "device fault, one random page"
    case migrateToDevice = "migration to a device"
    case migrateBack = "migration back"
    case bringBack = "brought back by a CPU load"
    case unmap = "munmap"
    case fork = "fork of written memory"
    case copyOnWrite = "copy-on-write after it"
    case toCoherent = "migration to a coherent device"
    case coherentLoad = "CPU load of coherent memory, 8 bytes a page"
    case evict = "eviction by page frame"
    case exclusive = "made exclusive to a device"
    case revoke = "taken back by the CPU"
    case unmapOne = "munmap of 1 page of a terabyte, once"
    case sparseFork = "fork of a terabyte with 1 page, once"
    case evictOne = "eviction of 1 page of a device of 2^20, once"

    /// What the hardware needs for the bytes alone.
    var yardstick: Cost? {
        switch self {
        case .firstTouch: .memset
        case .migrateToDevice, .migrateBack, .bringBack: .memcpy
        default: nil
        }
    }

    /// The share of the yardstick's speed, or the nanoseconds, that warm memory has to reach.
    var goal: (text: String, isMet: (_ nanoseconds: Double, _ share: Double?) -> Bool)? {
        switch self {
        case .migrateToDevice, .migrateBack: ("≥ 60 %", { $1 ?? 0 >= 0.6 })
        case .snapshot: ("≤ 5 ns", { nanoseconds, _ in nanoseconds <= 5 })
        default: nil
        }
    }
}

/// Whether memory is in use already.
enum Temperature {
    /// Page frames are reused, as in a server that has run for a while.
    case warm
    /// Frames come from the operating system; those of `munmap` go back to it.
    case cold
}

/// Nanoseconds for each page, of every round.
struct Results {
    private var samples: [Temperature: [Cost: [Double]]] = [:]

    mutating func add(_ cost: Cost, _ temperature: Temperature, _ time: Duration, pages: Int) {
        let nanoseconds = Double(time.components.seconds) * 1e9 + Double(time.components.attoseconds) / 1e9
        samples[temperature, default: [:]][cost, default: []].append(nanoseconds / Double(pages))
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.count % 2 == 1
            ? sorted[sorted.count / 2] : (sorted[sorted.count / 2 - 1] + sorted[sorted.count / 2]) / 2
    }

    private func nanoseconds(_ cost: Cost, _ temperature: Temperature) -> Double? {
        samples[temperature]?[cost].map(median)
    }

    /// The speed as a share of the yardstick's, round by round.
    private func share(_ cost: Cost, _ temperature: Temperature) -> Double? {
        guard let yardstick = cost.yardstick, let own = samples[temperature]?[cost],
            let bare = samples[temperature]?[yardstick]
        else { return nil }
        return median(zip(bare, own).map { $0 / $1 })
    }

    func printTable() {
        func number(_ value: Double?) -> String { value.map { String(format: "%.1f", $0) } ?? "" }
        func percent(_ value: Double?) -> String { value.map { String(format: "%.0f %%", $0 * 100) } ?? "" }
        var rows = [["", "warm ns", "cold ns", "warm, of", "cold, of", "", "goal"]]
        for cost in Cost.allCases {
            let warm = nanoseconds(cost, .warm)
            var verdict = ""
            if let goal = cost.goal, let warm {
                verdict = goal.text + (goal.isMet(warm, share(cost, .warm)) ? " met" : " missed")
            }
            let yardstick = cost.yardstick.map { $0 == .memset ? "memset" : "memcpy" } ?? ""
            rows.append([
                cost.rawValue, number(warm), number(nanoseconds(cost, .cold)), percent(share(cost, .warm)),
                percent(share(cost, .cold)), yardstick, verdict,
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return (1...4).contains(column) ? space + row[column] : row[column] + space
            }
            print(cells.joined(separator: "  "))
        }
    }
}
