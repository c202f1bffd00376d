/// How areas are added, removed, cut and merged, with the reverse maps kept right.
extension Machine {
    /// Adds an area where nothing is, as part of its neighbours where it continues them. Kernel: vma_merge_new_range().
    mutating func insertArea(_ index: Int, _ area: Area) {
        let position = spaces[index].areas.firstIndex(endingAfter: area.range.start)
        change(index, position..<position, to: [area], merging: area.range)
    }

    /// Adds an area as it is, above all others.
    mutating func appendArea(_ index: Int, _ area: Area) {
        let end = spaces[index].areas.areas.count
        replace(index, end..<end, by: [area])
    }

    /// Removes what lies in `range` from `page` on, cutting areas at its ends, until the slice is spent; false when
    /// there is more. As many go at once as can: each time those behind are moved up.
    mutating func removeAreas(_ index: Int, _ range: PageRange, from page: inout Page) -> Bool {
        var next = spaces[index].areas.firstIndex(endingAfter: page)
        var end = page
        while next < spaces[index].areas.areas.count, spaces[index].areas.areas[next].range.start < range.end {
            if isSliceSpent, end > page { break }
            spend(32 * Slice.entry)
            end = min(range.end, spaces[index].areas.areas[next].range.end)
            next += 1
        }
        guard end > page else { return true }
        removeAreas(index, PageRange(page, end))
        page = end
        return spaces[index].areas.nextArea(from: end, before: range.end) == nil
    }

    /// Removes what lies in `range`, cutting areas at its ends.
    mutating func removeAreas(_ index: Int, _ range: PageRange) {
        let old = spaces[index].areas.indices(overlapping: range)
        for area in spaces[index].areas.areas[old] where area.kind == .hugetlb {
            hugePagesReserved -= area.range.clamped(to: range).count / 512
        }
        var kept: [Area] = []
        for area in spaces[index].areas.areas[old] {
            if area.range.start < range.start { kept.append(area.cut(to: PageRange(area.range.start, range.start))) }
            if range.end < area.range.end { kept.append(area.cut(to: PageRange(range.end, area.range.end))) }
        }
        replace(index, old, by: kept)
    }

    /// Changes what lies in `range`, which is within one area, and merges it with its neighbours. Kernel: vma_modify().
    mutating func changeArea(_ index: Int, _ range: PageRange, _ body: (inout Area) -> Void) {
        let position = spaces[index].areas.firstIndex(endingAfter: range.start)
        let area = spaces[index].areas.areas[position]
        var pieces: [Area] = []
        if area.range.start < range.start { pieces.append(area.cut(to: PageRange(area.range.start, range.start))) }
        var changed = area.cut(to: range)
        body(&changed)
        pieces.append(changed)
        if range.end < area.range.end { pieces.append(area.cut(to: PageRange(range.end, area.range.end))) }
        change(index, position..<position + 1, to: pieces, merging: range)
    }

    /// Puts `pieces` where the areas `old` were, after merging the one of `range` with those around it.
    private mutating func change(_ index: Int, _ old: Range<Int>, to pieces: [Area], merging range: PageRange) {
        var old = old
        var pieces = pieces
        let areas = spaces[index].areas.areas
        if pieces.first?.range == range, old.lowerBound > 0 {
            old = old.lowerBound - 1..<old.upperBound
            pieces.insert(areas[old.lowerBound], at: 0)
        }
        if pieces.last?.range == range, old.upperBound < areas.count {
            old = old.lowerBound..<old.upperBound + 1
            pieces.append(areas[old.upperBound - 1])
        }
        merge(&pieces, around: range)
        replace(index, old, by: pieces)
    }

    private func merge(_ pieces: inout [Area], around range: PageRange) {
        guard var middle = pieces.firstIndex(where: { $0.range == range }) else { return }
        let isAfter =
            middle > 0 && pieces[middle - 1].continues(pieces[middle])
            && canExtend(pieces[middle - 1], over: pieces[middle])
        let isBefore =
            middle + 1 < pieces.count && pieces[middle].continues(pieces[middle + 1])
            && canExtend(pieces[middle + 1], over: pieces[middle])
        let joinsBoth = isAfter && isBefore && canJoin(pieces[middle - 1], pieces[middle + 1])
        if isAfter {
            pieces[middle - 1].range = PageRange(pieces[middle - 1].range.start, pieces[middle].range.end)
            pieces.remove(at: middle)
            middle -= 1
            guard joinsBoth else { return }
            if pieces[middle].object == 0 {
                pieces[middle].object = pieces[middle + 1].object
                pieces[middle].lineage = pieces[middle + 1].lineage
            }
            pieces[middle].range = PageRange(pieces[middle].range.start, pieces[middle + 1].range.end)
            pieces.remove(at: middle + 1)
        } else if isBefore {
            let start = pieces[middle].range.start
            pieces[middle + 1].offset = pieces[middle].offset
            pieces[middle + 1].range = PageRange(start, pieces[middle + 1].range.end)
            pieces.remove(at: middle)
        }
    }

    /// An area may grow over another. Kernel: is_mergeable_anon_vma().
    private func canExtend(_ target: Area, over area: Area) -> Bool {
        area.object == target.object || (area.object == 0 && target.object != 0 && isAlone(target.lineage))
    }

    private func canJoin(_ first: Area, _ second: Area) -> Bool {
        first.object == second.object || first.object == 0 || second.object == 0
    }

    /// An object without ancestors. Kernel: list_is_singular() of anon_vma_chain.
    func isAlone(_ lineage: UInt32) -> Bool { lineage != 0 && anonymousObjects[lineage].parent == 0 }

    private mutating func replace(_ index: Int, _ old: Range<Int>, by pieces: [Area]) {
        let id = spaces.id(at: index)
        let before = Array(spaces[index].areas.areas[old])
        // Added first: an object lives as long as an area is found through it.
        for area in pieces where !before.contains(where: { $0.place == area.place }) { attach(area, id) }
        detach(before.filter { area in !pieces.contains { $0.place == area.place } }, id)
        if pieces.count != before.count { spend(UInt64(spaces[index].areas.areas.count - old.upperBound)) }
        spaces[index].areas.replace(old, by: pieces)
    }

    // MARK: Reverse maps

    func link(_ area: Area, _ space: SpaceID) -> ReverseMap.Link {
        ReverseMap.Link(
            space: space, start: area.offset, end: area.offset + area.range.count, page: area.range.start)
    }

    private mutating func attach(_ area: Area, _ space: SpaceID) {
        let link = link(area, space)
        var object = area.lineage
        while object != 0 {
            spend(UInt64(anonymousObjects[object].map.insert(link)) / 2)
            object = anonymousObjects[object].parent
        }
        if area.object != 0 { anonymousObjects[area.object].active += 1 }
        if let file = area.file, let position = files.index(of: file) {
            spend(UInt64(files[position].map.insert(link)) / 2)
            files[position].holders += 1
        }
    }

    /// The areas are found no more. What lists them is gone through once, however many they are.
    private mutating func detach(_ areas: [Area], _ space: SpaceID) {
        var ofObjects: [(owner: UInt32, link: ReverseMap.Link)] = []
        var ofFiles: [(owner: FileID, link: ReverseMap.Link)] = []
        for area in areas {
            let link = link(area, space)
            if area.object != 0 { anonymousObjects[area.object].active -= 1 }
            var object = area.lineage
            while object != 0 {
                ofObjects.append((object, link))
                object = anonymousObjects[object].parent
            }
            if let file = area.file { ofFiles.append((file, link)) }
        }
        forEachOwner(ofObjects) { machine, object, links in
            machine.spend(UInt64(machine.anonymousObjects[object].map.remove(links)))
        }
        dropEmptyObjects(Set(ofObjects.map(\.owner)).sorted())
        forEachOwner(ofFiles) { machine, file, links in
            guard let position = machine.files.index(of: file) else { return }
            machine.spend(UInt64(machine.files[position].map.remove(links)))
            machine.files[position].holders -= links.count
            machine.noteIfUnused(file)
        }
    }

    /// Shows `body` each owner with all its links.
    private mutating func forEachOwner<Owner: Comparable>(
        _ owned: [(owner: Owner, link: ReverseMap.Link)],
        _ body: (inout Machine, Owner, [ReverseMap.Link]) -> Void
    ) {
        var rest = owned.sorted { $0.owner < $1.owner }[...]
        while let owner = rest.first?.owner {
            let links = rest.prefix { $0.owner == owner }
            rest = rest[links.endIndex...]
            body(&self, owner, links.map(\.link))
        }
    }

    /// An object through which no area is found goes; so has every one that was forked from it.
    private mutating func dropEmptyObjects(_ objects: [UInt32]) {
        let empty = objects.filter { anonymousObjects[$0].map.isEmpty }
        for object in empty where anonymousObjects[object].parent != 0 {
            anonymousObjects[anonymousObjects[object].parent].children -= 1
        }
        for object in empty { anonymousObjects.remove(object) }
    }

    /// Gives an area the object that its first page of its own goes into: that of a neighbour where they could be one
    /// area, or a new one. Kernel: anon_vma_prepare().
    mutating func prepareObject(_ index: Int, _ page: Page) {
        let position = spaces[index].areas.firstIndex(endingAfter: page)
        let area = spaces[index].areas.areas[position]
        guard area.object == 0 else { return }
        var made = area
        made.object = neighbourObject(index, position) ?? anonymousObjects.insert(AnonymousObject(children: 1))
        made.lineage = made.object
        attach(made, spaces.id(at: index))
        detach([area], spaces.id(at: index))
        spaces[index].areas.update(position) { $0 = made }
    }

    private func neighbourObject(_ index: Int, _ position: Int) -> UInt32? {
        let areas = spaces[index].areas.areas
        for other in [position + 1, position - 1] where areas.indices.contains(other) && areas[other].object != 0 {
            var (first, second) = other > position ? (areas[position], areas[other]) : (areas[other], areas[position])
            first.protection = second.protection
            if first.continues(second), isAlone(areas[other].lineage) { return areas[other].object }
        }
        return nil
    }

    /// What a forked area is: its pages are found with the parent's, new ones apart. Kernel: anon_vma_fork().
    mutating func forkedArea(_ area: Area) -> Area {
        var child = area
        guard area.lineage != 0 else { return child }
        var object = area.lineage
        while object != 0 {
            let candidate = anonymousObjects[object]
            if candidate.active == 0, candidate.children < 2 {
                child.object = object
                child.lineage = area.lineage
                return child
            }
            object = candidate.parent
        }
        child.object = anonymousObjects.insert(AnonymousObject(parent: area.lineage))
        child.lineage = child.object
        anonymousObjects[area.lineage].children += 1
        return child
    }
}
