internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

extension Server {
    /// Serves until the process is told to stop: SIGTERM or SIGINT stop in order, a second one at once; SIGHUP reloads
    /// configuration and certificates. Starts first, unless that has been done.
    public func runUntilSignal() async throws {
        // Before listening, so that whoever has seen us listen can signal us.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        if !isListening { try await start() }
        var quiet = Logger(label: "hmmd.lifecycle") { _ in SwiftLogNoOpLogHandler() }
        quiet.logLevel = .critical
        let group = ServiceGroup(services: [self], logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask { await self.obey(signals) }
            tasks.addTask {
                for await _ in self.stopRequests.stream { await group.triggerGracefulShutdown() }
            }
            if let interval = notifier.watchdog {
                tasks.addTask { await self.showLife(every: .nanoseconds(Int64(clamping: interval / 2))) }
            }
            try await tasks.next()
            tasks.cancelAll()
        }
    }

    /// Tells the watchdog as long as every loop turns.
    private func showLife(every interval: Duration) async {
        while !Task.isCancelled {
            if await Health(server: context).stuck(within: interval).isEmpty { notifier.alive() }
            try? await Task.sleep(for: interval)
        }
    }

    /// The first signal also shortens a drain that an operator has begun.
    private func obey(_ signals: UnixSignalsSequence) async {
        var wasTold = false
        for await signal in signals {
            if signal == .sighup {
                // Not to be waited for: the next signal may be the one that ends the process.
                requestReload()
            } else if wasTold {
                hurry()
            } else {
                wasTold = true
                requestStop(configuration.patience.drain)
            }
        }
    }
}
