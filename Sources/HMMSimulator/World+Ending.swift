import HMMEngine

/// How a world ends: nobody waits, and everything is given back.
extension World {
    func play() throws(Violation) {
        try run()
        for tenant in tenants { try checkIdle(tenant) }
        try leave()
        for tenant in tenants { try checkQuiet(tenant) }
        for tenant in tenants where !tenant.isDraining { try giveEverythingBack(tenant) }
    }

    /// Where nothing is pending everybody who reads has been answered; elsewhere mirrors never let go, or nobody ends a
    /// migration.
    private func checkIdle(_ tenant: Tenant) throws(Violation) {
        guard tenant.engine.pendingCount == 0 else { return }
        let deaf = tenant.links.filter { links[$0].reading == .never }.map { links[$0].id }
        try tenant.judge.checkAnswered(but: deaf)
    }

    /// Drivers and whoever keeps no rules go first: what waits for them, or for a migration of theirs, goes on.
    private func leave() throws(Violation) {
        for link in links where !(link.client is ProcessClient) || link.reading == .never {
            try cut(link)
            try run()
        }
    }

    private func checkQuiet(_ tenant: Tenant) throws(Violation) {
        guard tenant.engine.pendingCount == 0 else {
            throw Violation(.liveness, "\(tenant.engine.pendingCount) requests wait for nobody")
        }
        if tenant.isDraining, tenant.engine.connectionCount > 0 {
            throw Violation(.liveness, "the server stops, nothing is pending, and connections stay open")
        }
        for index in tenant.links where !links[index].isGoneAtServer && links[index].isPaused {
            throw Violation(.liveness, "\(links[index].client.name) is idle and not read")
        }
        try tenant.judge.checkAnswered()
    }

    private func giveEverythingBack(_ tenant: Tenant) throws(Violation) {
        for index in tenant.links { try cut(links[index]) }
        try run()
        try tenant.judge.checkHoldings(tenant.engine)
        if !plan.rules.isEmpty { try allow(TenantPolicy(), tenant) }
        let undertaker = Client("undertaker", tenant.board, Dice(seed: plan.seed))
        let link = try connect(undertaker, tenant)
        for line in tenant.engine.inventory {
            undertaker.now = now
            undertaker.send(line, untagged: true)
            flush(link)
            try run()
        }
        try cut(link)
        try run()
        let leftovers = tenant.engine.leftovers
        guard leftovers.isEmpty else { throw Violation(.leftovers, leftovers.joined(separator: ", ")) }
    }
}
