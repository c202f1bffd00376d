/// What is known of bytes, where a request has failed in the middle or nobody has heard how it ended.
extension MemoryModel {
    /// The bytes of a page; nil where they are not known. Pages of the reserve and of devices are not followed.
    func known(_ page: SpaceModel.Page) -> [UInt8]? {
        if page.isFaded { return nil }
        switch page.backing {
        case .hugetlb, .device, .io: return nil
        case .anonymous: return content(page)
        case .shared(let file, let index), .copied(let file, let index):
            if let bytes = page.bytes { return bytes }
            guard let model = files[file], !model.isLost, !model.faded.contains(index) else { return nil }
            return content(page)
        }
    }

    /// Where its file ends is not known.
    func isLost(_ page: SpaceModel.Page) -> Bool {
        page.backing.file.map { files[$0.id]?.isLost ?? true } ?? false
    }

    /// A page of a file has other bytes: of private mappings nobody knows whether they had made their copies before.
    mutating func changed(_ file: Int, _ index: UInt64, isWhole: Bool) {
        if isWhole { files[file]?.faded.remove(index) }
        fadeCopies(of: file) { $0 == index }
    }

    private mutating func fadeCopies(of file: Int, _ isMeant: (UInt64) -> Bool) {
        for (space, model) in spaces {
            for (number, page) in model.pages where page.bytes == nil && !page.isFaded {
                guard case .copied(file, let index) = page.backing, isMeant(index) else { continue }
                spaces[space]?.pages[number]?.isFaded = true
            }
        }
    }

    // MARK: Forgetting

    /// Some of these pages may have been written, here or behind.
    mutating func fade(_ space: UInt32, _ pages: Range<UInt64>) {
        for number in pages {
            guard let page = spaces[space]?.pages[number] else { continue }
            if case .shared(let file, let index) = page.backing {
                fade(file: file, index..<index + 1)
            } else {
                spaces[space]?.pages[number]?.isFaded = true
            }
        }
    }

    mutating func fade(file: Int, _ pages: Range<UInt64>) {
        files[file]?.faded.formUnion(pages)
        fadeCopies(of: file, pages.contains)
    }

    /// Any page of a file may have been written.
    mutating func fade(file: Int) {
        guard let count = files[file]?.pageCount else { return }
        guard count <= 4096 else { return lose(file) }
        fade(file: file, 0..<count)
    }

    /// Nobody knows how long a file is: private copies of its pages may have gone with its end.
    mutating func lose(_ file: Int) {
        files[file]?.isLost = true
        for (space, model) in spaces {
            for (number, page) in model.pages where page.isCopied && page.backing.file?.id == file {
                spaces[space]?.pages[number]?.isFaded = true
            }
        }
    }
}

extension FileModel {
    /// It has this length from now on, whatever it had: what lies beyond has gone, and would be zeroes.
    mutating func findAgain(_ length: UInt64) {
        let count = (length + 4095) >> 12
        if !isLost {
            faded = faded.filter { $0 < count }
        } else if count <= 4096 {
            faded = Set(0..<count)
            isLost = false
        }
    }
}
