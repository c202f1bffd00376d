import HMMEngine
import HMMProtocol

/// What there is: what outlives connections, and what goes with them.
extension Judge {
    /// Something that has a name, by the request that gives it back.
    struct Holding {
        /// It goes with this connection.
        var owner: ConnectionID?
        /// A region goes with its device.
        var device: String?
        /// Its connection has gone, and it is to go as well.
        var departs = false
        /// Nobody knows whether it is there.
        var isVague = false
    }

    mutating func holds(_ request: Request, _ answer: Answer, _ connection: ConnectionID) throws(Violation) {
        guard answer.code == nil else { return noticeFailure(request, answer) }
        switch request {
        case .spaceCreate, .spaceFork: holdings["mm.drop \(answer.id("mm"))"] = Holding()
        case .fileCreate(let create): holdings["file.remove \(create.file)"] = Holding()
        case .deviceCreate(let create):
            holdings["dev.remove \(create.device)"] = Holding(owner: create.persists ? nil : connection)
        case .regionCreate(let create): addRegion(answer, create.managed ? connection : nil)
        case .devmemAdd, .devmemAddResource: addRegion(answer, connection)
        case .umbrellaNew: holdings["hmm.device-put \(answer.pairs["umbrella"]?.text ?? "")"] = Holding()
        case .pin: try pinned(answer.id("pin"), connection)
        case .unpin(let unpin):
            guard pins.removeValue(forKey: unpin.pin) == connection else {
                throw Violation(.answers, "pin \(unpin.pin) is let go by a connection that does not hold it")
            }
        case .migrateBegin:
            migrations[answer.id("migration")] = connection
            blurDepartures()
        case .migrate, .deviceMigrate, .migrateVma, .exclusive: blurDepartures()
        case .migrateFinish(let finish):
            migrations[finish.migration] = nil
            blurDepartures()
        case .migrateAbort(let abort): migrations[abort.migration] = nil
        case .getPfns(let get):
            try looked(get.mirror, get.extent, faults: false, writes: false, answer, connection)
        case .vmaFault(let fault):
            try looked(fault.mirror, fault.extent, faults: true, writes: fault.write, answer, connection)
        case .rangeDone(let done): try ended(done, answer, connection)
        default: if let key = Self.removed(by: request) { removed(key) }
        }
    }

    private mutating func pinned(_ pin: UInt32, _ connection: ConnectionID) throws(Violation) {
        guard pins.updateValue(connection, forKey: pin) == nil else {
            throw Violation(.answers, "pin \(pin) is given twice")
        }
        blurDepartures()
    }

    private mutating func addRegion(_ answer: Answer, _ owner: ConnectionID?) {
        var holding = Holding(owner: owner, device: answer.pairs["dev"]?.text)
        // Its device may be on its way out already, and takes it along.
        if let device = holding.device, let holder = holdings["dev.remove \(device)"], holder.departs {
            (holding.departs, holding.isVague) = (true, holder.isVague)
        }
        holdings["region.remove \(answer.id("region"))"] = holding
    }

    /// What a request gives back, as `Engine.inventory` has it.
    private static func removed(by request: Request) -> String? {
        switch request {
        case .spaceDrop(let drop): "mm.drop \(drop.space)"
        case .fileRemove(let remove): "file.remove \(remove.file)"
        case .deviceRemove(let remove): "dev.remove \(remove.device)"
        case .regionRemove(let remove): "region.remove \(remove.region)"
        case .umbrellaPut(let put): "hmm.device-put \(put.umbrella)"
        default: nil
        }
    }

    private mutating func removed(_ key: String) {
        holdings[key] = nil
        for (region, holding) in holdings where holding.device.map({ key == "dev.remove \($0)" }) ?? false {
            holdings[region] = nil
        }
    }

    /// A migration whose end fails is over all the same, but for refusals of the request itself. Others may have moved
    /// a part.
    private mutating func noticeFailure(_ request: Request, _ answer: Answer) {
        switch request {
        case .migrate, .deviceMigrate, .migrateVma, .exclusive: blurDepartures()
        case .migrateFinish(let finish) where !answer.isRefused && answer.code != "STATE":
            migrations[finish.migration] = nil
        default: break
        }
    }

    // MARK: The end of a connection

    /// What goes with a connection is to go: it may stay only where others hold its pages, or have to be asked.
    mutating func depart(_ connection: ConnectionID) {
        pins = pins.filter { $0.value != connection }
        migrations = migrations.filter { $0.value != connection }
        ranges = ranges.filter { $0.value.connection != connection }
        var devices: Set<String> = []
        for (key, holding) in holdings where holding.owner == connection {
            holdings[key]?.departs = true
            devices.insert(key)
        }
        guard !devices.isEmpty else { return }
        for (key, holding) in holdings where holding.device.map({ devices.contains("dev.remove \($0)") }) ?? false {
            holdings[key]?.departs = true
        }
        let mayStay =
            !pins.isEmpty || !migrations.isEmpty || !ghosts.isEmpty || hasExclusive || !rules.isOpen
            || limits.residentBytes < 1 << 30
            || policies.values.contains(.fail) || !isSettled
        if mayStay { blurDepartures() }
    }

    mutating func blurDepartures() {
        for key in holdings.keys where holdings[key]?.departs ?? false { holdings[key]?.isVague = true }
    }

    /// Nobody has heard the end of a request that gives something back, or makes it.
    mutating func blurHolding(_ request: Request) {
        if case .fileCreate(let create) = request {
            holdings["file.remove \(create.file)", default: Holding()].isVague = true
        }
        guard let key = Self.removed(by: request) else { return }
        holdings[key]?.isVague = true
        for (region, holding) in holdings where holding.device.map({ key == "dev.remove \($0)" }) ?? false {
            holdings[region]?.isVague = true
        }
    }

    /// Everybody has gone: what is there is what was made and not given back.
    func checkHoldings(_ engine: borrowing Engine) throws(Violation) {
        let inventory = Set(engine.inventory)
        for line in engine.inventory {
            guard let holding = holdings[line], holding.isVague || !holding.departs else {
                throw Violation(.leftovers, "somebody could still `\(line)`, and it has gone with its connection")
            }
        }
        for (line, holding) in holdings.sorted(by: { $0.key < $1.key }) where !holding.isVague && !holding.departs {
            guard inventory.contains(line) else {
                throw Violation(.leftovers, "nobody can `\(line)`, and it has not been given back")
            }
        }
    }
}
