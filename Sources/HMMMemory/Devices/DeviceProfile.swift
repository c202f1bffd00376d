/// The rules in which drivers differ, as data.
public struct DeviceProfile: Equatable, Sendable {
    /// Whose mirrors are not told of a migration on their own device's behalf.
    public enum OwnMigration: Sendable {
        /// Those of the connection that asks: its driver knows.
        case askingConnection
        /// The one that runs the migration, or whose driver took the page from the device.
        case runningMirror
    }

    public let ownMigration: OwnMigration
    /// Pages that an invalidation takes from the device's table beyond its range.
    public let reach: UInt64
    /// Pages of one device fault, snapshot or exclusive access; a longer range takes several.
    public let batch: UInt64
    /// A CPU access brings back its page alone, and not the neighbours on the same device that it also wants.
    public let returnsSinglePages: Bool
    /// A device write leaves what it has written when a later page of its range fails.
    public let writesInPart: Bool
    /// A migration to the device fails when the device's table cannot serve the whole range afterwards.
    public let verifiesMigrations: Bool
    /// The end of a mirror evicts its device.
    public let evictsOnDrop: Bool
    /// An exclusive access is announced to the mirror that asks for it, too.
    public let hearsOwnExclusive: Bool
    /// A device write goes through what the device has for itself, and does not fault it.
    public let writesExclusive: Bool
    /// An exclusive access that fails says only that it did, and not why.
    public let hidesExclusiveFailure: Bool

    /// A careful driver.
    public static let standard = DeviceProfile(
        ownMigration: .askingConnection, reach: 0, batch: .max, returnsSinglePages: false, writesInPart: false,
        verifiesMigrations: false, evictsOnDrop: false, hearsOwnExclusive: false, writesExclusive: true,
        hidesExclusiveFailure: false)

    /// The kernel's test driver, lib/test_hmm.c, as of 6.12.
    public static let dmirror = DeviceProfile(
        ownMigration: .runningMirror, reach: 1, batch: 64, returnsSinglePages: true, writesInPart: true,
        verifiesMigrations: true, evictsOnDrop: true, hearsOwnExclusive: true, writesExclusive: false,
        hidesExclusiveFailure: true)
}
