/// `quit`: an orderly end of the connection.
public struct Quit: Verb {
    public static let spec = VerbSpec(
        "quit", .session, "Close the connection after the answers already owed to the untagged lane; its mirrors go.")

    init(_ a: borrowing Arguments) {}
}
