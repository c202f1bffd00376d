extension OracleRun {
    typealias Asking = (requests: [String], meaning: Exchange.Meaning)

    /// What to ask to carry out an operation. What its answer cannot change is noted already.
    mutating func begin(_ operation: Operation) -> Asking {
        switch operation {
        case .malformed: return ([], .known("bad-operands"))
        case .makeProcess(let name): return (["mm.create"], .newProcess(name))
        case .file(let call): return begin(call)
        case .fork(let name, _, _), .exit(let name), .process(let name, _), .mirror(let name, _, _):
            guard let process = population[name] else { return ([], .known("no-process")) }
            return begin(operation, process)
        }
    }

    private mutating func begin(_ operation: Operation, _ process: Population.Process) -> Asking {
        switch operation {
        case .fork(_, let child, let keepsMirrors):
            let meaning = Exchange.Meaning.newChild(child, of: process.name, keepsMirrors: keepsMirrors)
            return (["mm.fork \(process.space)"], meaning)
        case .exit: return (endProcess(process), .success)
        case .process(_, let call): return begin(call, process)
        case .mirror(_, let name, let call):
            guard let held = population.mirror(name, of: process) else { return ([], .known("no-mirror")) }
            return begin(call, process, held)
        case .makeProcess, .file, .malformed: return ([], .known("bad-operands"))
        }
    }

    /// What a process does when it exits: its memory goes first, then the mirrors that only it held.
    mutating func endProcess(_ process: Population.Process) -> [String] {
        let closed = process.mirrors.filter { population.close($0, of: process.name) }
        population.remove(process.name)
        return process.pins.map { "unpin \($0)" } + ["mm.drop \(process.space)"]
            + closed.map { "mirror.drop \($0.mirror)" }
    }

    // MARK: Processes

    private mutating func begin(_ call: Operation.ProcessCall, _ process: Population.Process) -> Asking {
        let mm = process.space
        switch call {
        case .map(let pages, let protection, let backing):
            return map("mmap \(mm) \(pages.arguments) prot=\(protection)", backing, process)
        case .unmap(let pages): return (["munmap \(mm) \(pages.arguments)"], .success)
        // The kernel is content with nothing to do; a request is not.
        case .protect(let pages, _) where pages.count == 0: return ([], .known("ok"))
        case .advise(let pages, _) where pages.count == 0: return ([], .known("ok"))
        case .write(let pages, _) where pages.count == 0: return ([], .known("ok pages="))
        case .read(let pages) where pages.count == 0: return ([], .known("ok data="))
        case .protect(let pages, let protection):
            return (["mprotect \(mm) \(pages.arguments) prot=\(protection)"], .success)
        case .remap(let pages, let target, let count):
            let length = count.map { " new-len=\($0)p" } ?? ""
            let request = "mremap \(mm) \(pages.arguments) to=\(PageRange.address(of: target))\(length)"
            return ([request], .success)
        case .advise(let pages, let advice):
            return (["madvise \(mm) \(pages.arguments) advice=\(advice)"], .success)
        case .write(let pages, let pattern):
            let address = PageRange.address(of: pages.start)
            return (["write \(mm) \(address) pattern=\(pattern) len=\(pages.count)p each=yes"], .writing)
        case .read(let pages): return (["read \(mm) \(pages.arguments) as=pages each=yes"], .reading)
        case .reference(let pages, let mode):
            return (["pin \(mm) \(pages.arguments) access=w mode=\(mode)"], .referencing)
        case .pin(let pages, let writes):
            let access = writes ? "w" : "r"
            return (["pin \(mm) \(pages.arguments) access=\(access) mode=longterm"], .pinning(process.name))
        case .unpin:
            population.update(process.name) { $0.pins = [] }
            return (process.pins.map { "unpin \($0)" }, .success)
        case .open(let mirror, let device):
            let request = "mirror \(mm) \(Self.deviceName(device)) ack=auto"
            return ([request], .newMirror(mirror, of: process.name, device: device))
        }
    }

    private mutating func map(
        _ request: String, _ backing: Operation.Backing, _ process: Population.Process
    ) -> Asking {
        switch backing {
        case .memory(let kind): return (["\(request) kind=\(kind)"], .success)
        case .file(let kind, let name, let offset):
            return (["\(request) kind=\(kind) file=\(serverName(ofFile: name)) offset=\(offset)p"], .success)
        case .device(let name):
            guard let held = population.mirror(name, of: process) else { return ([], .known("no-mirror")) }
            return (["\(request) kind=device file=\(Self.deviceName(held.device))"], .success)
        }
    }

    // MARK: Files

    private mutating func begin(_ call: Operation.FileCall) -> Asking {
        switch call {
        case .create(let name, let pages, let pattern):
            let suffix = pattern.map { " pattern=\($0)" } ?? ""
            return (["file.create \(serverName(ofFile: name)) \(pages)p\(suffix)"], .success)
        case .truncate(let name, let pages):
            return (["file.truncate \(serverName(ofFile: name)) \(pages)p"], .success)
        case .read(_, let pages) where pages.count == 0: return ([], .known("ok data="))
        case .read(let name, let pages):
            let request = "file.read \(serverName(ofFile: name)) \(pages.start)p \(pages.count)p as=pages"
            return ([request], .fileReading(pages: pages.count))
        }
    }

    private mutating func serverName(ofFile name: String) -> String {
        let known = files.firstIndex(of: name)
        if known == nil { files.append(name) }
        return Self.fileName(known ?? files.count - 1)
    }

    // MARK: Mirrors

    private mutating func begin(
        _ call: Operation.MirrorCall, _ process: Population.Process, _ held: Population.HeldMirror
    ) -> Asking {
        let mirror = held.mirror
        switch call {
        case .close:
            let wasLast = population.close(held, of: process.name)
            return (wasLast ? ["mirror.drop \(mirror)"] : [], .success)
        case .release: return (["dev.list"], .regions(device: held.device))
        case .read(let pages):
            return (["dev.read \(mirror) \(pages.arguments) as=pages"], .deviceReading(pages: pages.count))
        case .write(let pages, let pattern):
            let address = PageRange.address(of: pages.start)
            let request = "dev.write \(mirror) \(address) pattern=\(pattern) len=\(pages.count)p"
            return ([request], .deviceWriting(pages: pages.count))
        case .migrateToDevice(let pages):
            return (["dev.migrate \(mirror) \(pages.arguments) to=device"], .placing(mirror: mirror, pages))
        case .migrateToSystem(let pages):
            return (["dev.migrate \(mirror) \(pages.arguments) to=system"], .movingBack)
        case .snapshot(let pages):
            let meaning = Exchange.Meaning.snapshot(device: held.device, pages: pages.count)
            return (["snapshot \(mirror) \(pages.arguments)"], meaning)
        case .exclusive(let pages):
            return (["exclusive \(mirror) \(pages.arguments)"], .placing(mirror: mirror, pages))
        case .checkExclusive(let pages):
            return (["exclusive.held \(mirror) \(pages.arguments)"], .exclusiveCount)
        }
    }
}
