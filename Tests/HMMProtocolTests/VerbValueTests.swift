import HMMProtocol
import Testing

/// What the arguments of each verb mean once they are read: the words in the right order, absence as documented.
@Suite struct VerbValueTests {
    /// What each word of a choice makes of a line that ends with it.
    private func words<Value: Equatable>(
        _ line: String, _ expected: [(String, Value)], sourceLocation: SourceLocation = #_sourceLocation,
        _ value: (Request) -> Value?
    ) {
        for (word, meaning) in expected {
            guard let request = Reading.request(line + word, sourceLocation: sourceLocation) else { continue }
            #expect(value(request) == meaning, "\(line)\(word)", sourceLocation: sourceLocation)
        }
    }

    @Test func kindsOfMapping() {
        let kinds: [(String, MappingKind)] = [
            ("anon-private", .anonPrivate), ("anon-shared", .anonShared), ("hugetlb", .hugetlb), ("io", .io),
            ("file-private file=f", .filePrivate), ("file-shared file=f", .fileShared), ("device file=gpu0", .device),
        ]
        #expect(kinds.count == MappingKind.allCases.count)
        words("mmap 1 len=1 kind=", kinds) { if case .mmap(let mmap) = $0 { mmap.kind } else { nil } }
        for (text, kind) in kinds { #expect(text.hasPrefix(kind.word)) }
        guard case .mmap(let plain)? = Reading.request("mmap 1 len=1"),
            case .mmap(let file)? = Reading.request("mmap 1 0x20000 1p r file-private f offset=3p fixed=yes"),
            case .mmap(let huge)? = Reading.request("mmap 1 va=2m len=1 kind=hugetlb"),
            case .mmap(let last)? = Reading.request("mmap 1 va=0x7fffffc00000 len=1 kind=hugetlb")
        else { return }
        #expect(plain.kind == .anonPrivate && plain.file.isEmpty && plain.offset == 0 && !plain.fixed)
        #expect(file.va == 0x20000 && file.file == ShortName("f") && file.offset == 12288 && file.fixed)
        #expect(huge.length == 2 << 20 && last.length == 2 << 20)
    }

    @Test func advice() {
        let words: [(String, Advice)] = [
            ("dontneed", .dontNeed), ("free", .free), ("remove", .remove), ("hugepage", .hugePage),
            ("nohugepage", .noHugePage), ("collapse", .collapse), ("dontfork", .dontFork), ("dofork", .doFork),
            ("wipeonfork", .wipeOnFork), ("keeponfork", .keepOnFork), ("cold", .cold), ("pageout", .pageOut),
            ("populate-read", .populateRead), ("populate-write", .populateWrite),
        ]
        #expect(words.count == Advice.allCases.count)
        self.words("madvise 1 0x10000 1p ", words) {
            if case .madvise(let madvise) = $0 { madvise.advice } else { nil }
        }
        for (text, advice) in words { #expect(advice.word == text) }
    }

    @Test func pins() {
        let modes: [(String, PinMode)] = [
            ("get", .get), ("get-fast", .getFast), ("pin", .pin), ("pin-fast", .pinFast), ("longterm", .longterm),
            ("longterm-fast", .longtermFast),
        ]
        #expect(modes.count == PinMode.allCases.count)
        words("pin 1 0x10000 1p w ", modes) { if case .pin(let pin) = $0 { pin.mode } else { nil } }
        guard case .pin(let pin)? = Reading.request("pin 1 0x10000 5"),
            case .unpin(let unpin)? = Reading.request("unpin 7")
        else { return }
        #expect(pin.access == .read && pin.mode == .longterm && pin.extent.length == 5 && unpin.pin == 7)
    }

    @Test func formsOfBytes() {
        let forms: [(String, DataForm)] = [
            ("auto", .automatic), ("quoted", .quoted), ("hex", .hex), ("literal", .literal), ("pages", .pages),
            ("ints", .ints),
        ]
        #expect(forms.count == DataForm.allCases.count)
        words("read 1 0x10000 1p ", forms) { if case .read(let read) = $0 { read.form } else { nil } }
        words("dev.read 1 0x10000 1p ", forms) { if case .deviceRead(let read) = $0 { read.form } else { nil } }
        words("file.read f 0 1p ", forms) { if case .fileRead(let read) = $0 { read.form } else { nil } }
        guard case .read(let plain)? = Reading.request("read 1 0x10001 5"),
            case .read(let each)? = Reading.request("read 1 0 64g pages each=yes"),
            case .read(let ints)? = Reading.request("read 1 4 4 ints")
        else { return }
        #expect(!plain.each && each.each && each.extent.length == 64 << 30 && ints.form == .ints)
    }

    @Test func patterns() {
        let patterns: [(String, Pattern)] = [
            ("00", .byte(0)), ("4a", .byte(0x4a)), ("Ff", .byte(0xff)), ("00+", .bytePlusPage(0)),
            ("4A+", .bytePlusPage(0x4a)), ("ff+", .bytePlusPage(0xff)), ("ints", .ints), ("-ints", .negativeInts),
        ]
        words("write 1 0 len=8 pattern=", patterns) { if case .write(let write) = $0 { write.pattern } else { nil } }
        words("dev.write 1 0 len=8 pattern=", patterns) {
            if case .deviceWrite(let write) = $0 { write.pattern } else { nil }
        }
        words("file.write f 0 len=8 pattern=", patterns) {
            if case .fileWrite(let write) = $0 { write.pattern } else { nil }
        }
        words("file.create f 8 ", patterns) { if case .fileCreate(let file) = $0 { file.pattern } else { nil } }
        guard case .write(let write)? = Reading.request("write 1 0x10001 hello 12"),
            case .write(let filled)? = Reading.request("write 1 0x10001 len=3 pattern=07 each=yes"),
            case .fileCreate(let hole)? = Reading.request("file.create f 0")
        else { return }
        #expect(write.pattern == nil && !write.each && write.length == 12 && write.data == Array("hello".utf8))
        #expect(filled.each && filled.length == 3 && filled.data.isEmpty)
        #expect(hole.pattern == nil && hole.length == 0)
    }

    @Test func files() {
        guard case .fileTruncate(let truncate)? = Reading.request("file.truncate f 4097"),
            case .fileRead(let read)? = Reading.request("file.read f 3 5 hex"),
            case .fileRead(let last)? = Reading.request("file.read f 0x7ffffffffffffffe 1"),
            case .fileWrite(let write)? = Reading.request("file.write f 3 hello len=7"),
            case .fileRemove(let remove)? = Reading.request("file.remove f"),
            case .fileList? = Reading.request("file.list")
        else { return }
        #expect(truncate.file == ShortName("f") && truncate.length == 4097 && remove.file == truncate.file)
        #expect(read.offset == 3 && read.length == 5 && read.form == .hex && last.length == 1)
        #expect(write.offset == 3 && write.data == Array("hello".utf8) && write.length == 7 && write.pattern == nil)
    }

    @Test func spaces() {
        guard case .spaceFork(let fork)? = Reading.request("mm.fork 3"),
            case .mremap(let move)? = Reading.request("mremap 1 0x10000 5 0x20000 9"),
            case .mremap(let stay)? = Reading.request("mremap 1 0x7fffffffd000 2p new-len=3p move=no"),
            case .mremap(let copy)? = Reading.request("mremap 1 0x10000 4097 0x12000 new-len=2p dontunmap=yes"),
            case .pagemap(let pagemap)? = Reading.request("pagemap 2 0x10000 1")
        else { return }
        #expect(fork.space == 3 && pagemap.space == 2 && pagemap.extent.length == 1)
        #expect(move.to == 0x20000 && move.newLength == 9 && !move.dontUnmap && move.mayMove)
        #expect(stay.to == nil && stay.newLength == 12288 && !stay.mayMove)
        #expect(copy.dontUnmap && copy.to == 0x12000)
    }

    @Test func devices() {
        guard case .deviceCreate(let plain)? = Reading.request("dev.create g"),
            case .deviceCreate(let own)? = Reading.request(
                "dev.create g dmirror 256m u client yes 5 no"),
            case .deviceRemove(let remove)? = Reading.request("dev.remove g"),
            case .regionCreate(let region)? = Reading.request("region.create g 2m"),
            case .regionCreate(let fixed)? = Reading.request("region.create g 2m coherent 0x200 managed=yes"),
            case .regionRemove(let removed)? = Reading.request("region.remove 4")
        else { return }
        #expect(plain.profile == .default && plain.chunk == nil && plain.umbrella.isEmpty && plain.toRAM == .server)
        #expect(!plain.freeEvents && plain.deadlineMilliseconds == 1000 && plain.persists)
        #expect(own.profile == .dmirror && own.chunk == 256 << 20 && own.umbrella == ShortName("u"))
        #expect(own.toRAM == .client && own.freeEvents && own.deadlineMilliseconds == 5 && !own.persists)
        #expect(remove.device == ShortName("g") && removed.region == 4)
        #expect(region.kind == .private && region.pfn == nil && !region.managed && region.length == 2 << 20)
        #expect(fixed.kind == .coherent && fixed.pfn == 512 && fixed.managed)
    }

    @Test func evictions() {
        guard case .evict(let device)? = Reading.request("evict g"),
            case .evict(let region)? = Reading.request("evict region=3"),
            case .evict(let frames)? = Reading.request("evict pfn=0x1003 count=5"),
            case .evict(let last)? = Reading.request("evict pfn=0xfffffffffffff count=1")
        else { return }
        #expect(device.device == ShortName("g") && device.region == nil && device.pfn == nil && device.count == nil)
        #expect(region.device.isEmpty && region.region == 3)
        #expect(frames.pfn == 0x1003 && frames.count == 5 && last.pfn == (1 << 52) - 1)
    }

    @Test func faults() {
        let accesses: [(String, FaultAccess)] = [("r", .read), ("w", .write), ("none", .none)]
        words("fault 1 0 1p ", accesses) { if case .fault(let fault) = $0 { fault.access } else { nil } }
        words("fault 1 0 1p mask=", accesses) { if case .fault(let fault) = $0 { fault.mask } else { nil } }
        guard case .fault(let plain)? = Reading.request("fault 1 0 3p"),
            case .faultPages(let paged)? = Reading.request("fault 1 0 3p none mask=w pages=-rw"),
            case .faultPages(let quoted)? = Reading.request("fault 1 0 1p pages=\"w\"")
        else { return }
        #expect(plain.mask == .none && plain.access == .read)
        #expect(paged.fault.access == .none && paged.fault.mask == .write && paged.pages == Array("-rw".utf8))
        #expect(quoted.fault.mask == .none && quoted.pages == Array("w".utf8))
    }

    /// The octets of a literal come when the line has been judged, so nobody has looked at them.
    @Test(arguments: [("{3}\n-rw", true), ("{3}\n-rx", false), ("{2}\nrw", false), ("{0}\n", false)])
    func literalOfFault(_ literal: String, _ isRight: Bool) {
        guard
            case .request(_, .faultPages(let fault))? = Reading.items(Array("fault 1 0 3p pages=\(literal)\n".utf8))
                .first
        else {
            Issue.record("no fault")
            return
        }
        if isRight {
            #expect(throws: Never.self) { try fault.checkPages() }
        } else {
            #expect(throws: Failure.self) { try fault.checkPages() }
        }
    }

    @Test func movesByTheDriver() {
        let targets: [(String, MigrateTarget)] = [("device", .device), ("system", .system)]
        words("dev.migrate 1 0 1p ", targets) { if case .deviceMigrate(let move) = $0 { move.to } else { nil } }
        words("migrate.begin 1 0 1p ", targets) { if case .migrateBegin(let move) = $0 { move.to } else { nil } }
        let selections: [(String, Selection)] = [
            ("system", .system), ("private", .private), ("coherent", .coherent),
            ("coherent,system", [.system, .coherent]),
        ]
        words("migrate.begin 1 0 1p device ", selections) {
            if case .migrateBegin(let move) = $0 { move.select } else { nil }
        }
        guard case .migrateBegin(let begin)? = Reading.request("migrate.begin 1 0x10000 2p system"),
            case .migrateCopy(let all)? = Reading.request("migrate.copy 9"),
            case .migrateCopy(let some)? = Reading.request("migrate.copy 9 0x10000 1p"),
            case .migrateFinish(let finish)? = Reading.request("migrate.finish 9"),
            case .migrateAbort(let abort)? = Reading.request("migrate.abort 9"),
            case .toRAM(let back)? = Reading.request("to-ram 18446744073709551615"),
            case .toRAM(let range)? = Reading.request("to-ram 5 0x10000 2p")
        else { return }
        #expect(begin.select == nil && begin.mirror == 1 && begin.extent.length == 8192)
        #expect(all.va == nil && all.length == nil && some.va == 0x10000 && some.length == 4096)
        #expect(finish.migration == 9 && abort.migration == 9 && all.migration == 9)
        #expect(back.event == .max && back.va == nil && range.va == 0x10000 && range.length == 8192)
    }

    @Test func exclusiveAccess() {
        guard case .exclusive(let exclusive)? = Reading.request("exclusive 1 0x10000 2p"),
            case .exclusiveHeld(let held)? = Reading.request("exclusive.held 1 0x10000 2p")
        else { return }
        #expect(exclusive.mirror == 1 && exclusive.extent == held.extent && held.mirror == 1)
    }

    @Test func interfaceOf2017() {
        guard case .mirrorRegister(let register)? = Reading.request("hmm.mirror-register 1 g lease=7 ack=auto"),
            case .mirrorRegister(let plain)? = Reading.request("hmm.mirror-register 1 g"),
            case .mirrorUnregister(let unregister)? = Reading.request("hmm.mirror-unregister 2"),
            case .getPfns(let pfns)? = Reading.request("hmm.vma-get-pfns 2 0x10000 1p"),
            case .vmaFault(let fault)? = Reading.request("hmm.vma-fault 2 0x10000 1p"),
            case .vmaFault(let write)? = Reading.request("hmm.vma-fault 2 0x10000 1p yes no"),
            case .rangeDone(let done)? = Reading.request("hmm.vma-range-done 3")
        else { return }
        #expect(register.leaseMilliseconds == 7 && register.acknowledgement == .automatic)
        #expect(plain.leaseMilliseconds == 5000 && plain.acknowledgement == .manual && plain.device == ShortName("g"))
        #expect(unregister.mirror == 2 && pfns.mirror == 2 && pfns.extent.va == 0x10000 && done.range == 3)
        #expect(!fault.write && fault.block && write.write && !write.block)
    }

    @Test func memoryOf2017() {
        guard case .devmemAdd(let add)? = Reading.request("hmm.devmem-add g 2m"),
            case .devmemAddResource(let resource)? = Reading.request("hmm.devmem-add-resource g 512 2m"),
            case .umbrellaNew(let unnamed)? = Reading.request("hmm.device-new"),
            case .umbrellaNew(let named)? = Reading.request("hmm.device-new u"),
            case .umbrellaPut(let put)? = Reading.request("hmm.device-put u"),
            case .migrateVma(let there)? = Reading.request("hmm.migrate-vma 1 0x10000 1p g"),
            case .migrateVma(let back)? = Reading.request("hmm.migrate-vma 1 0x10000 1p system")
        else { return }
        #expect(add.device == ShortName("g") && add.length == 2 << 20)
        #expect(resource.device == add.device && resource.pfn == 512 && resource.length == 2 << 20)
        #expect(unnamed.umbrella.isEmpty && named.umbrella == ShortName("u") && put.umbrella == named.umbrella)
        #expect(there.destination == ShortName("g") && back.destination.isEmpty && there.extent.length == 4096)
    }

    @Test func licences() {
        let licences: [(String, Licence?)] = [
            ("gpl", .gpl), ("gpl-compatible", .gplCompatible), ("proprietary", .proprietary),
        ]
        words("hello licence=", licences) { if case .hello(let hello) = $0 { hello.licence } else { nil } }
        guard case .hello(let hello)? = Reading.request("hello"), case .check? = Reading.request("check") else {
            return
        }
        #expect(hello.licence == nil)
    }
}
