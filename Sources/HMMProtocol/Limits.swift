/// Every bound of the protocol, each with its reason. The greeting and the `limits` verb tell them to clients.
public struct Limits: Equatable, Sendable {
    /// Bytes of one request line, its end included: a person's line and any machine's fit, a flood does not.
    public var line = 8192
    /// Arguments of one request: no verb takes more than eight; `ack` may name many events.
    public var arguments = 64
    /// Bytes of one literal: the unit of bulk transfer; two of them fit in an L2 cache.
    public var literal = 1 << 20
    /// Bytes that one answer shows quoted or in hexadecimal, where each may take four: what a terminal can bear.
    public var printable = 1 << 16
    /// Requests of one connection that have begun and not been answered: enough to keep a link busy.
    public var window = 256
    /// Bytes of untagged requests that wait behind a paused one.
    public var queuedBytes = 1 << 20
    /// Events of one connection that wait for an `ack`: past it the client is not keeping up and is cut off.
    public var openEvents = 1024
    /// Bytes that the server holds for a client that does not read; past it the client is cut off.
    public var unsentBytes = 4 << 20
    /// Work that a tenant does in one turn before other tenants of its loop have theirs, in units of some ten
    /// nanoseconds: an entry of a page table counts one, a page copied or filled 64.
    public var slice: UInt64 = 65536
    /// Bytes of one answer: rows past it would let one small question fill the unsent bound.
    public var answerBytes = 3 << 20
    /// Address spaces of one tenant.
    public var spaces = 1024
    /// Areas of one address space: the kernel's `vm.max_map_count`.
    public var areas = 65530
    /// Devices of one tenant.
    public var devices = 256
    /// Regions of one tenant.
    public var regions = 1024
    /// Mirrors of one tenant.
    public var mirrors = 16384
    /// Connections of one tenant.
    public var connections = 16384
    /// Bytes of page frames in use by one tenant, system and device memory together.
    public var residentBytes: UInt64 = 4 << 30
    /// Bytes of device memory that one tenant's regions may promise.
    public var regionBytes: UInt64 = 256 << 30
    /// Longest lease a mirror may ask for, in milliseconds: a day.
    public var leaseMilliseconds: UInt64 = 86_400_000
    /// Longest time a device may wait for its driver's client, in milliseconds: a day, like a lease.
    public var deadlineMilliseconds: UInt64 = 86_400_000

    /// Files of one tenant.
    public var files = 1024
    /// Bytes of one file: far past what a tenant can hold, so that holes can be tried.
    public var fileBytes: UInt64 = 64 << 30
    /// Huge pages of 2 MiB kept for `kind=hugetlb` of one tenant: as many as the reference machine keeps.
    public var hugetlbPages = 8
    /// Pins of one tenant.
    public var pins = 65536
    /// Pages of all pins of one tenant together, which are listed pin by pin: what it may have in use by standard, four
    /// times over.
    public var pinnedPages = 4 << 20
    /// Migrations of one tenant between `migrate.begin` and `migrate.finish`.
    public var openMigrations = 64
    /// Pages of one such migration: a GiB.
    public var migrationPages = 262_144

    /// Ranges of one tenant between `hmm.vma-get-pfns` or `hmm.vma-fault` and `hmm.vma-range-done`.
    public var openRanges = 4096
    /// Umbrellas of one tenant: as many as the kernel numbers its `hmm_device`s.
    public var umbrellas = 256
    /// Requests of one tenant that wait for an acknowledgement or for one another, on all its connections.
    public var pending = 16384
    /// Bytes of data in such requests, and of untagged ones in their queues: a window full of the longest literals on a
    /// few connections would be gigabytes.
    public var waitingBytes = 64 << 20
    /// Areas of all address spaces of one tenant: those of four full ones.
    public var tenantAreas = 262_144
    /// Bytes of a tenant's past that are kept in memory in case a client says `record start`: what a script does before
    /// that fits many times, and thousands of tenants cost little.
    public var lookback = 1 << 16

    public init() {}
}

extension Limits {
    /// One bound as the `limits` verb shows it.
    public struct Row: Sendable {
        public let name: StaticString
        public let value: UInt64
        public let unit: StaticString
        public let reason: StaticString
    }

    /// Every bound, in the order of declaration.
    public var rows: [Row] {
        func row(_ name: StaticString, _ value: Int, _ unit: StaticString, _ reason: StaticString) -> Row {
            Row(name: name, value: UInt64(value), unit: unit, reason: reason)
        }
        return [
            row("line", line, "bytes", "one request line, its end included"),
            row("arguments", arguments, "arguments", "of one request"),
            row("tag", ShortName.capacity, "bytes", "a tag or a name"),
            row("literal", literal, "bytes", "one counted payload"),
            row("printable", printable, "bytes", "shown by one answer with as=quoted or as=hex"),
            row("window", window, "requests", "begun and not answered, of one connection"),
            row("queued-bytes", queuedBytes, "bytes", "untagged requests behind a paused one"),
            row("open-events", openEvents, "events", "waiting for an ack, of one connection"),
            row("unsent-bytes", unsentBytes, "bytes", "for a client that does not read"),
            Row(
                name: "slice", value: slice, unit: "units",
                reason: "of some ten nanoseconds: work of a tenant in one turn, then others have theirs"),
            row("answer-bytes", answerBytes, "bytes", "rows of one answer"),
            row("spaces", spaces, "address-spaces", "of one tenant"),
            row("areas", areas, "areas", "of one address space"),
            row("devices", devices, "devices", "of one tenant"),
            row("regions", regions, "regions", "of one tenant"),
            row("mirrors", mirrors, "mirrors", "of one tenant"),
            row("connections", connections, "connections", "of one tenant"),
            Row(
                name: "resident-bytes", value: residentBytes, unit: "bytes", reason: "page frames in use, of one tenant"
            ),
            Row(name: "region-bytes", value: regionBytes, unit: "bytes", reason: "device memory, of one tenant"),
            Row(
                name: "lease", value: leaseMilliseconds, unit: "milliseconds",
                reason: "the longest a mirror may ask for"),
            Row(
                name: "deadline", value: deadlineMilliseconds, unit: "milliseconds",
                reason: "the longest a device may wait for its client"),
            row("files", files, "files", "of one tenant"),
            Row(name: "file-bytes", value: fileBytes, unit: "bytes", reason: "the length of one file"),
            row("hugetlb-pages", hugetlbPages, "huge-pages", "kept for kind=hugetlb, of one tenant"),
            row("pins", pins, "pins", "of one tenant"),
            row(
                "pinned-pages", pinnedPages, "pages", "of all pins of one tenant, each counted as often as it is pinned"
            ),
            row("open-migrations", openMigrations, "migrations", "begun and not finished, of one tenant"),
            row("migration-pages", migrationPages, "pages", "of one open migration"),
            row("open-ranges", openRanges, "ranges", "of the interface of 2017, of one tenant"),
            row("umbrellas", umbrellas, "umbrellas", "of one tenant"),
            row("pending", pending, "requests", "that wait, of one tenant"),
            row("waiting-bytes", waitingBytes, "bytes", "of data in requests that wait, and of queues, of one tenant"),
            row("tenant-areas", tenantAreas, "areas", "of all address spaces of one tenant"),
            row("lookback", lookback, "bytes", "of a recording, kept until a client asks for it"),
        ]
    }
}
