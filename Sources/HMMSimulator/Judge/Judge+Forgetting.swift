import HMMEngine
import HMMProtocol

/// What has failed in the middle, or goes on without anybody who hears of its end, leaves pages of which nothing is
/// known until they are mapped or written anew.
extension Judge {
    /// A request whose connection has gone and that goes on all the same.
    struct Ghost {
        let connection: ConnectionID
        let request: Request
    }

    /// After every input: which requests have announced something, and go on whatever becomes of their connections.
    /// As long as one does, nothing it may touch is known.
    mutating func noticeBegun(_ engine: borrowing Engine) {
        for (connection, tag) in engine.begun {
            let index = counterparts[connection]?.pending.firstIndex { $0.tag == tag }
            if let index { counterparts[connection]?.pending[index].goesOn = true }
        }
        haunt()
        ghosts.removeAll { !engine.isBusy(for: $0.connection) }
        isSettled = true
    }

    /// What a ghost may touch is not known, whatever has been said of it.
    mutating func haunt() { for ghost in ghosts { forget(ghost.request) } }

    /// A connection has gone; `isCertain`: nothing has happened since the last look at what its requests have begun.
    mutating func abandon(_ pending: [Pending], of connection: ConnectionID, isCertain: Bool) {
        for entry in pending where entry.goesOn || !isCertain {
            guard let request = entry.request else { continue }
            blurHolding(request)
            ghosts.append(Ghost(connection: connection, request: request))
            blurDepartures()
            forget(request)
        }
    }

    /// Nobody knows what a request has done; if it has failed, at least nothing is at a place of its own choice, and
    /// no bytes are written.
    mutating func forget(_ request: Request, failed: Bool = false) {
        switch request {
        case .mmap(let map) where !failed:
            guard let va = map.va else { return lose(map.space) }
            blur(map.space, Self.pages(va, map.length))
        case .munmap(let unmap) where !failed: blur(unmap.space, Self.pages(unmap.extent))
        case .mprotect(let protect): blur(protect.space, Self.pages(protect.extent))
        case .madvise(let advise):
            blur(advise.space, Self.pages(advise.extent))
            if advise.advice == .remove { fadeShared(advise.space) }
        case .mremap(let remap):
            blur(remap.space, Self.pages(remap.va, max(remap.length, remap.newLength ?? 0) + 4096))
            guard let to = remap.to else { return failed ? () : lose(remap.space) }
            blur(remap.space, Self.pages(to, max(remap.length, remap.newLength ?? 0) + 4096))
        case .write(let write) where !failed || write.each:
            stored(write.space, write.va, max(write.length ?? 0, UInt64(write.data.count)))
        case .deviceWrite(let write):
            guard let mirror = mirrors[write.mirror] ?? lostMirrors[write.mirror], !failed || mirror.isOfTestDriver
            else { return }
            stored(mirror.space, write.va, max(write.length ?? 0, UInt64(write.data.count)))
        case .spaceReap(let reap): fadePrivate(reap.space)
        case .spaceDrop(let drop) where !failed: lose(drop.space)
        case .fileTruncate(let truncate): if let file = memory.everyName["\(truncate.file)"] { memory.lose(file) }
        case .fileWrite(let write) where !failed:
            if let file = memory.everyName["\(write.file)"] { memory.lose(file) }
        default: break
        }
    }

    /// What a store may have written, in files that are shared, too.
    private mutating func stored(_ space: UInt32, _ va: UInt64, _ length: UInt64) {
        let pages = Self.pages(va, length)
        guard memory.spaces[space] != nil, pages.count <= 4096, !isMurky(space, pages) else {
            return fadeShared(space)
        }
        memory.fade(space, pages)
    }

    mutating func fadePrivate(_ space: UInt32) {
        for (number, page) in memory.spaces[space]?.pages ?? [:] where !page.isShared {
            memory.spaces[space]?.pages[number]?.isFaded = true
        }
    }

    /// Something has been written that an address space shares, or has shared; nobody knows what.
    mutating func fadeShared(_ space: UInt32) {
        for file in shared[space] ?? [] { memory.fade(file: file) }
        for page in memory.spaces[space]?.pages.keys.sorted() ?? [] { memory.fade(space, page..<page + 1) }
    }
}
