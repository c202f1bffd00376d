import ArgumentParser

@main
struct Client: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hmm-client",
        abstract: "Talks to hmmd, the device-memory server: by hand, from scripts, from transcripts.",
        discussion: """
            Without a subcommand, lines of standard input go to the server and its lines to standard output; \
            see `hmm-client help session`.

            EXIT STATUS
              0   everything was carried out
              1   a request was refused, or a transcript or scenario went differently
              2   no connection could be made
              3   the connection was lost
              64  the command line or a file named there cannot be used
            """,
        subcommands: [Session.self, Play.self, Oracle.self, Bench.self, Proxy.self], defaultSubcommand: Session.self)
}
