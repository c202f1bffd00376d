import HMMProtocol
import Testing

/// What values mean once they are read.
@Suite struct ValueTests {
    @Test(
        arguments: [
            ("0", 0), ("1", 1), ("007", 7), ("4096", 4096), ("00000000000000000000000000000001", 1),
            ("18446744073709551615", UInt64.max), ("10000000000000000000", 10_000_000_000_000_000_000),
            ("000000000000000000000000018446744073709551615", UInt64.max),
            ("0x0", 0), ("0xff", 255), ("0xFf", 255), ("0xffffffffffffffff", UInt64.max), ("0x0000000000000001", 1),
            ("1k", 1024), ("1m", 1 << 20), ("1g", 1 << 30), ("1t", 1 << 40), ("1p", 4096), ("0p", 0), ("3p", 12288),
            ("18014398509481983k", 18_446_744_073_709_550_592), ("16777215t", 18_446_742_974_197_923_840),
            ("4503599627370495p", 18_446_744_073_709_547_520), ("999999999999999999", 999_999_999_999_999_999),
            ("1000000000000000000", 1_000_000_000_000_000_000), ("00000000000000000000000000000001k", 1024),
        ] as [(String, UInt64)])
    func number(_ text: String, _ value: UInt64) {
        guard case .ack(let ack)? = Reading.request("ack \(text)") else { return }
        #expect(ack.events == [value])
        // By position, by key, and after other numbers, which are read by code of their own.
        guard case .write(let write)? = Reading.request("write 1 \(text) x"),
            case .write(let same)? = Reading.request("write va=\(text) mm=1 data=x")
        else { return }
        #expect(write.va == value && same.va == value)
    }

    @Test func numbersInARow() {
        guard case .ack(let ack)? = Reading.request("ack 8 9  12 0x10 1k event=7") else { return }
        #expect(ack.events == [8, 9, 12, 16, 1024, 7])
        guard case .ack(let longest)? = Reading.request("ack" + String(repeating: " 5", count: 64)) else { return }
        #expect(longest.events.count == 64)
    }

    @Test func edgesOfTheAddressSpace() {
        guard case .read(let read)? = Reading.request("read 1 0x7fffffffefff 1"),
            case .munmap(let munmap)? = Reading.request("munmap 1 0 0x7ffffffff000"),
            case .mirror(let mirror)? = Reading.request("mirror 1 g"),
            case .mirror(let last)? = Reading.request("mirror 1 g va=0x7fffffffe000"),
            case .mmap(let mmap)? = Reading.request("mmap 1 len=0x7ffffffff000")
        else { return }
        #expect(read.extent.va == 0x7fff_ffff_efff && read.extent.length == 1)
        #expect(munmap.extent.va == 0 && munmap.extent.length == Extent.end)
        #expect(mirror.extent.va == 0 && mirror.extent.length == Extent.end)
        #expect(last.extent.length == 4096)
        #expect(mmap.va == nil && mmap.length == Extent.end)
        #expect(Reading.failure("read 1 0x7ffffffff000 1")?.address == 0x7fff_ffff_f000)
    }

    @Test func identifiersFit() {
        guard case .maps(let maps)? = Reading.request("maps 4294967295") else { return }
        #expect(maps.space == UInt32.max)
    }

    @Test(arguments: [
        (#""""#, ""), (#""hello""#, "hello"), (#""a b  c""#, "a b  c"), (#""say \"hi\"""#, "say \"hi\""),
        (#""back\\slash""#, "back\\slash"), (#""\n\r\t""#, "\n\r\t"), (#""\x41\x4a\x4A""#, "AJJ"),
        (#""\x00\xff""#, "\u{0}\u{ff}"), ("\"gr\u{fc}n \u{1f600}\"", "gr\u{fc}n \u{1f600}"),
        (#""=;#{}()'$|""#, "=;#{}()'$|"),
        (#""\\x41""#, "\\x41"), (#""\x5c\x22""#, "\\\""),
        ("hello", "hello"), ("a.b_c+d/e:f@g,h*i%j~k[l]m-n", "a.b_c+d/e:f@g,h*i%j~k[l]m-n"), ("0x41", "0x41"),
        ("12k", "12k"), ("none", "none"), ("hexa", "hexa"), ("hex", "hex"), ("HEX:41", "HEX:41"), ("B64:QQ", "B64:QQ"),
        ("hex:", ""), ("hex:41", "A"), ("hex:4a4B", "JK"), ("hex:00ff", "\u{0}\u{ff}"),
        ("b64:", ""), ("b64:QQ", "A"), ("b64:QQ==", "A"), ("b64:QUI", "AB"), ("b64:QUI=", "AB"), ("b64:QUJD", "ABC"),
        ("b64:QUJDRA==", "ABCD"), ("b64:+/+/", "\u{fb}\u{ff}\u{bf}"), ("b64:AAAA", "\u{0}\u{0}\u{0}"),
    ])
    func data(_ form: String, _ meaning: String) {
        // Characters above ASCII stand for one octet here unless the value is written with them.
        let octets =
            form.utf8.allSatisfy { $0 < 128 }
            ? meaning.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } : Array(meaning.utf8)
        for line in ["write 1 0 \(form)", "write data=\(form) va=0 mm=1", "write 1 va=0 data=\(form) len=9"] {
            guard case .write(let write)? = Reading.request(line) else { continue }
            #expect(write.data == octets, "\(line)")
        }
    }

    @Test func octetsAboveASCIIStandAsTheyAre() {
        let line = Array("write 1 0 \"".utf8) + (0x80...0xff) + Array("\"\n".utf8)
        guard case .request(_, .write(let write))? = Reading.items(line).first else {
            Issue.record("no write")
            return
        }
        #expect(write.data == Array(0x80...0xff))
    }

    @Test func words() {
        guard case .mmap(let mmap)? = Reading.request("mmap 1 len=1 prot=xr"),
            case .mmap(let closed)? = Reading.request("mmap 1 len=1 prot=none"),
            case .mmap(let standard)? = Reading.request("mmap 1 len=1"),
            case .fault(let fault)? = Reading.request("fault 1 0 1p w yes"),
            case .read(let read)? = Reading.request("read 1 0 1 as=literal"),
            case .hello(let hello)? = Reading.request("hello 1 me lease,lease"),
            case .spaceCreate(let space)? = Reading.request("mm.create wait"),
            case .mirror(let mirror)? = Reading.request("mirror 1 g ack=auto lease=250")
        else { return }
        #expect(mmap.protection == [.read, .execute] && closed.protection == [])
        #expect(standard.protection == [.read, .write])
        #expect(fault.access == .write && fault.noWait)
        #expect(read.form == .literal)
        #expect(hello.client == ShortName("me") && hello.capabilities == .lease)
        #expect(space.onExpiry == .wait)
        #expect(mirror.acknowledgement == .automatic && mirror.leaseMilliseconds == 250)
    }

    @Test func namesOfMigrate() {
        guard case .migrate(let there)? = Reading.request("migrate 1 0 1p to=gpu0"),
            case .migrate(let back)? = Reading.request("migrate 1 0 1p from=gpu1 to=system")
        else { return }
        #expect(there.destination == ShortName("gpu0") && there.source.isEmpty)
        #expect(back.destination.isEmpty && back.source == ShortName("gpu1"))
    }

    /// A name read from a line is the one made from text, wherever in the line it stands and however long it is.
    @Test(arguments: 1...32) func nameOfLength(_ length: Int) {
        let text = String("abcdefghijklmnopqrstuvwxyz.-01234".prefix(length))
        let name = ShortName(text)
        for line in ["dev.create \(text)", "dev.create dev=\(text)   "] {
            guard case .deviceCreate(let create)? = Reading.request(line) else { continue }
            #expect(create.device == name && create.device.hashValue == name?.hashValue)
            #expect("\(create.device)" == text && Int(create.device.count) == length)
        }
        let items = Reading.items(Array("#\(text) ping\n".utf8))
        #expect(items == Reading.request("ping").map { [.request(name ?? .none, $0)] })
    }
}
