internal import HMMMemory

/// What memory is made of runs out, wherever a test wants it to, and the state can be compared.
extension Engine {
    /// Something that requests use up as they go.
    package enum Resource: CaseIterable, Sendable {
        case frames
        /// Nodes of page tables, which the zero page and mirrors need although they take no frames.
        case tableNodes
    }

    package func use(of resource: Resource) -> UInt64 {
        switch resource {
        case .frames: machine.physical.used
        case .tableNodes: machine.tableNodesUsed
        }
    }

    /// Lets `resource` grow to `bound` and no further; nil is the tenant's own limit again.
    package mutating func setBound(_ resource: Resource, _ bound: UInt64?) {
        boundMachine()
        guard let bound else { return }
        switch resource {
        case .frames: machine.setFrameLimit(bound)
        case .tableNodes: machine.setTableLimit(bound)
        }
    }

    /// Frames and nodes set aside for requests that wait.
    package var promised: UInt64 { machine.promised }

    /// What clients can find out by looking.
    package func visibleState() -> [String] { machine.visibleState() + names() }

    /// Everything.
    package func wholeState() -> [String] { machine.wholeState() + names() }

    private func names() -> [String] {
        [
            "devices \(deviceNames)", "files \(fileNames.map { "\($0.name) \($0.id.rawValue)" })",
            "umbrellas \(umbrellas.count)", "open \(openMigrations.count) ranges \(openRanges.count)",
            "managed \(managed.count) pins \(pinOwners.count) told \(subscriptions.count)",
        ]
    }
}
