/// What load to make.
package struct BenchPlan: Sendable {
    package var server: ConnectionOptions
    package var mix: [RequestTape.Template]
    package var connections = 16
    /// Requests under way on each connection.
    package var depth = 1
    package var threads = 1
    package var seconds = 5.0
    package var warmUpSeconds = 1.0
    /// Requests per second, all connections together; nil sends the next request when an answer comes.
    package var rate: Double?
    /// Resident pages on each connection that `{page}` chooses from.
    package var pages = 64
    /// Bytes of one read or write of the built-in workloads.
    package var size = 64

    package init(server: ConnectionOptions, mix: [RequestTape.Template]) {
        self.server = server
        self.mix = mix
    }

    /// The request of a built-in workload, or nil if there is none of that name.
    package static func workload(_ name: String, size: Int) -> String? {
        switch name {
        case "ping": "ping"
        case "fault": "fault {mirror} {page} 1p"
        case "snapshot": "snapshot {mirror} {page} 1p"
        case "read": "read {mm} {page} \(size) as=literal"
        case "write": "write mm={mm} va={page} data={\(size)}"
        case "dev.read": "dev.read {mirror} {page} \(size) as=literal"
        case "dev.write": "dev.write mirror={mirror} va={page} data={\(size)}"
        default: nil
        }
    }

    /// A mix as `ping=9,fault=1`: workloads and weights.
    ///
    /// - Throws: `options`, naming what is not understood.
    package static func mix(_ text: String, size: Int) throws(ClientError) -> [RequestTape.Template] {
        var mix: [RequestTape.Template] = []
        for part in text.split(separator: ",") {
            let words = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard let name = words.first, let request = workload(name, size: size) else {
                throw .options("\(part): workloads are ping, fault, snapshot, read, write, dev.read and dev.write")
            }
            let weight = words.count > 1 ? Int(words[1]) : 1
            guard let weight, (1...1_000_000).contains(weight) else {
                throw .options("\(part): a weight is 1 to 1000000")
            }
            mix.append(RequestTape.Template(request, weight: weight))
        }
        return mix
    }

    var needsMemory: Bool { mix.contains(where: \.needsMemory) }
    var needsMirror: Bool { mix.contains(where: \.needsMirror) }

    /// Bytes to map on each connection: the pages, and room for the last one's read or write.
    var mappedBytes: Int { (pages * 4096 + max(4096, size) + 4095) / 4096 * 4096 }
}
