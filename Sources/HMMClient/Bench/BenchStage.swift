internal import Glibc
internal import HMMProtocol
internal import HMMTLS

/// The connections of a bench and the memory they work on: made before, gone after.
struct BenchStage {
    /// Address spaces are shared by connections beyond this number: a tenant may have so many only.
    private static let spaces = 64

    private(set) var connections: [BenchConnection] = []
    /// Makes and drops the memory: a tenant's state goes with its last connection, and this one stays.
    private let keeper: BenchSocket
    private var ownedSpaces: [UInt64] = []

    /// Connects and maps what the mix needs.
    init(_ plan: BenchPlan) throws(ClientError) {
        Self.allowManyFiles()
        let context = try plan.server.makeContext()
        keeper = try BenchSocket(plan.server, context: context)
        if plan.needsMirror { try Self.makeDevice(keeper) }
        for index in 0..<plan.connections {
            let socket = try BenchSocket(plan.server, context: context)
            let memory = try prepare(socket, index, plan)
            // Long enough that repetition does not show, short enough for a cache unless requests are long.
            let longest = plan.mix.map {
                $0.text.utf8.count + (ScriptRequest.literalCount(Array($0.text.utf8)[...]) ?? 0)
            }
            let count = max(2 * plan.depth, min(1024, (1 << 20) / max(1, longest.max() ?? 1)))
            let tape = RequestTape(plan.mix, memory: memory, count: count, seed: UInt64(index))
            connections.append(BenchConnection(socket, tape: tape, depth: plan.depth))
        }
    }

    private mutating func prepare(
        _ socket: BenchSocket, _ index: Int, _ plan: BenchPlan
    ) throws(ClientError) -> RequestTape.Memory {
        var memory = RequestTape.Memory()
        memory.pages = plan.pages
        guard plan.needsMemory else { return memory }
        if index < Self.spaces {
            let space = try keeper.request("mm.create")["mm"]?.number ?? 0
            ownedSpaces.append(space)
            try keeper.request("mmap \(space) 0x10000 \(plan.mappedBytes)")
            // A store makes every page resident.
            try keeper.request("write mm=\(space) va=0x10000 data=hex:00 len=\(plan.mappedBytes)")
        }
        memory.space = ownedSpaces[index % ownedSpaces.count]
        guard plan.needsMirror else { return memory }
        let line = "mirror mm=\(memory.space) dev=bench va=0x10000 len=\(plan.mappedBytes) lease=60000"
        memory.mirror = try socket.request(line)["mirror"]?.number ?? 0
        try socket.request("fault \(memory.mirror) 0x10000 \(plan.mappedBytes) access=w")
        return memory
    }

    /// The device stays: there is one for all benches, and none of them gives it memory.
    static func makeDevice(_ socket: BenchSocket) throws(ClientError) {
        do throws(ClientError) {
            try socket.request("dev.create bench")
        } catch {
            guard case .refused(let refusal) = error, refusal.code == ErrorCode.exists.rawValue else { throw error }
        }
    }

    /// Leaves, and gives back the address spaces.
    mutating func clear() throws(ClientError) {
        for connection in connections {
            connection.socket.stopBench()
            // The answer is not awaited: the connection closes either way.
            try? connection.socket.send("quit")
        }
        connections = []
        for space in ownedSpaces { try keeper.request("mm.drop \(space)") }
        try keeper.request("quit")
    }

    /// As many descriptors as the system lets us have.
    static func allowManyFiles() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
