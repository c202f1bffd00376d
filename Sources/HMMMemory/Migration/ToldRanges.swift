/// Pages of several address spaces that are told for pages in ascending order, in as few ranges as may be: a million
/// pages of which a thousand copies know are a thousand ranges.
struct ToldRanges: Equatable, Sendable {
    /// Places whose pages rise together with those they are told for: of one mapping all are.
    private struct Row: Hashable, Sendable {
        let space: SpaceID
        let distance: UInt64
    }

    /// Once there are so many, what lies between two of one row is taken with them: whose pages are shared here and
    /// there only would otherwise make a range of each.
    static let most = 16384

    private(set) var ranges: [Hold] = []
    /// The last range of each row.
    private var last: [Row: Int] = [:]

    mutating func add(_ place: Place, for page: Page) {
        let row = Row(space: place.space, distance: place.page.number &- page.number)
        if let index = last[row], case let range = ranges[index].range, range.start <= place.page,
            place.page <= range.end || ranges.count >= Self.most
        {
            ranges[index] = Hold(
                space: place.space, range: PageRange(range.start, max(range.end, place.page + 1)))
        } else {
            last[row] = ranges.count
            ranges.append(Hold(space: place.space, range: PageRange(place.page)))
        }
    }

    /// Nothing more is told.
    mutating func end() { last = [:] }
}
