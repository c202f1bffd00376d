import ArgumentParser
import Foundation
import HMMClient

/// Loads a server.
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load a server and measure throughput and latency.",
        discussion: """
            Workloads: ping, fault and snapshot (one resident page of a mirror), read and write (CPU), dev.read and \
            dev.write (device). Each connection sets up the memory it needs, in up to 64 address spaces, which are \
            dropped afterwards; a device called `bench` stays.

            Without --rate the loop is closed: each answer sends the next request, and latency counts from sending. \
            A slow server then slows the load, which hides how long requests would have waited. With --rate requests \
            are due at fixed times and latency counts from those times.
            """,
        subcommands: [Load.self, Round.self], defaultSubcommand: Load.self)

    struct Load: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Many requests. (default)")

        @Argument(help: ArgumentHelp("The server. [$HMMD_URI, or hmms://localhost:7423]", valueName: "uri"))
        var uri: String?

        @OptionGroup var server: ServerFlags

        @Option(help: ArgumentHelp("Workloads with weights: `ping=9,fault=1`.", valueName: "mix"))
        var mix: String?

        @Option(
            help: ArgumentHelp(
                "A request to send, `{mm}`, `{mirror}` and `{page}` filled in, a final `{count}` a literal; may be repeated.",
                valueName: "request"))
        var verb: [String] = []

        @Option(name: .shortAndLong, help: "Connections.")
        var connections = 16

        @Option(name: [.customShort("P"), .long], help: "Requests under way on each connection.")
        var pipeline = 1

        @Option(name: .shortAndLong, help: ArgumentHelp("Time measured.", valueName: "seconds"))
        var duration = 5.0

        @Option(help: ArgumentHelp("Time before that.", valueName: "seconds"))
        var warmUp = 1.0

        @Option(help: ArgumentHelp("Requests per second, all connections together.", valueName: "requests"))
        var rate: Double?

        @Option(name: .shortAndLong, help: "Threads.")
        var threads = 1

        @Option(help: "Resident pages of each address space that requests choose from.")
        var pages = 64

        @Option(help: ArgumentHelp("Bytes of a read or write.", valueName: "bytes"))
        var size = 64

        @Flag(help: "Print the result as JSON.")
        var json = false

        func validate() throws {
            if let rate, !(rate > 0 && rate <= 1e9) { throw ValidationError("--rate is above 0") }
            guard (1...100_000).contains(connections), (1...100_000).contains(pipeline), (1...1024).contains(threads)
            else {
                throw ValidationError("--connections, --pipeline and --threads are at least 1")
            }
        }

        func run() throws {
            let refusals: Int
            do throws(ClientError) {
                let report = try LoadBench.run(plan())
                print(json ? try BenchText.json(report) : BenchText.text(report))
                refusals = report.refusals
            } catch {
                throw Exit.report(error)
            }
            if refusals > 0 { throw Exit.refused }
        }

        private func plan() throws(ClientError) -> BenchPlan {
            let requests = verb.map { text in
                RequestTape.Template(BenchPlan.workload(text, size: size) ?? text)
            }
            let named = try BenchPlan.mix(mix ?? (verb.isEmpty ? "ping" : ""), size: size)
            var plan = BenchPlan(server: try server.options(uri: uri), mix: named + requests)
            plan.connections = connections
            plan.depth = pipeline
            plan.threads = threads
            plan.seconds = duration
            plan.warmUpSeconds = max(0, warmUp)
            plan.rate = rate
            plan.pages = pages
            plan.size = size
            return plan
        }
    }

    struct Round: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Time of an invalidation round, by number of mirrors.",
            discussion: """
                One connection maps and unmaps a page that mirrors on as many other connections share; each \
                acknowledges at once. The time runs from sending `munmap` to its answer, the client's own work for \
                the acks included.
                """)

        @Argument(help: ArgumentHelp("The server. [$HMMD_URI, or hmms://localhost:7423]", valueName: "uri"))
        var uri: String?

        @OptionGroup var server: ServerFlags

        @Option(help: ArgumentHelp("Numbers of mirrors, separated by commas.", valueName: "list"))
        var mirrors = "1,10,100,1000"

        @Option(help: "Rounds for each number; the median counts.")
        var rounds = 20

        @Flag(help: "Print the result as JSON.")
        var json = false

        func run() throws {
            let counts = mirrors.split(separator: ",").map { Int($0) ?? 0 }
            do throws(ClientError) {
                let results = try RoundBench.run(server.options(uri: uri), mirrors: counts, rounds: rounds)
                print(json ? try BenchText.json(results) : BenchText.text(results))
            } catch {
                throw Exit.report(error)
            }
        }
    }
}
