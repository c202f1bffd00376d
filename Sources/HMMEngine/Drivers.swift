internal import HMMMemory
internal import HMMProtocol

/// What the engine knows of a device's driver.
struct Driver: Equatable {
    /// The connection that made the device.
    let connection: ConnectionID
    /// It decides itself what comes back when the CPU needs a page. Kernel: dev_pagemap_ops.migrate_to_ram().
    let asksClient: Bool
    /// How long it may take to decide.
    let deadlineMilliseconds: UInt64
}
