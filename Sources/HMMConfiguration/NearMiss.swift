/// Finds what somebody probably meant.
enum NearMiss {
    /// `; did you mean 'x'?`, or what there is if it is little, or nothing.
    static func hint(_ word: String, among known: [String]) -> String {
        let bound = max(1, min(3, word.utf8.count / 3))
        let near = known.map { ($0, distance(word, $0)) }.filter { $0.1 <= bound }.min { $0.1 < $1.1 }
        if let near { return "; did you mean '\(near.0)'?" }
        return (1...8).contains(known.count) ? "; there are \(known.joined(separator: ", "))" : ""
    }

    /// Letters to insert, remove, replace, or swap with their neighbour.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.utf8.prefix(64))
        let b = Array(b.utf8.prefix(64))
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
                row.append(best)
            }
            before = last
            last = row
        }
        return last[b.count]
    }
}
