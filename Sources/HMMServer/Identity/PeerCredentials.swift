internal import CLinux

/// Whose process is at the other end of a Unix socket, as the kernel says: of the moment when it connected.
struct PeerCredentials: Equatable, Sendable {
    var user: UInt32
    /// The process's group and its supplementary ones.
    var groups: [UInt32]

    init(user: UInt32, groups: [UInt32]) {
        self.user = user
        self.groups = groups
    }

    /// Nil if the kernel does not say. Someone in more groups than Linux permits counts by the first one alone.
    init?(of descriptor: Int32) {
        var group: UInt32 = 0
        user = 0
        groups = []
        guard hmm_peer_user(descriptor, &user, &group) == 0 else { return nil }
        groups = [group]
        var others = [UInt32](repeating: 0, count: 1024)
        var count = hmm_peer_groups(descriptor, &others, Int32(others.count))
        if count < 0 {
            others = [UInt32](repeating: 0, count: 65536)
            count = hmm_peer_groups(descriptor, &others, Int32(others.count))
        }
        if count > 0 { groups += others[..<Int(count)] }
    }
}
