internal import HMMEngine
internal import HMMProtocol
internal import HMMRecording
internal import Synchronization

/// How a tenant is written down: its recording begins before anything else happens to it, takes what each run took and
/// said, and may end before the tenant does. All but `hear` under the lock.
extension TenantShard {
    /// Before anything else happens to the tenant.
    func begin(_ recording: Recording) {
        var effects = Effects()
        // What comes later is heard later.
        lock.withLock {
            let news = recording.begin { [weak self] in self?.hear($0) }
            engine.recordedBytes = recording.length
            take(.recording(news), &engine, time(home), &effects)
        }
    }

    /// The recording has news. From any thread, also under the lock.
    func hear(_ news: RecordingNews) {
        home.eventLoop.execute {
            if self.isRetired { return }
            self.home.readClock()
            self.handle(.recording(news), on: self.home) {
                if news.isLast { self.forgetRecording() }
            }
        }
    }

    /// Requests go the shorter way from now on.
    func forgetRecording() {
        pastRecording = recording?.place
        recording = nil
        recorded.store(false, ordering: .relaxed)
    }

    /// The same, with the bytes of the requests for the recording.
    func runRecorded(
        _ bytes: UnsafeRawBufferPointer, _ offset: inout Int, with reader: inout RequestReader,
        _ unfinished: inout UnfinishedRequest, of connection: ConnectionID, on engine: inout Engine, at now: Instant,
        into effects: inout Effects, most: Int, meter: RunMeter?
    ) -> Int {
        var count = 0
        var goesOn = !engine.isCut
        var start = offset
        var refusal: Input?
        sources.removeAll(keepingCapacity: sources.capacity <= 1 << 16)
        while goesOn, count == 0 || !RequestSource.mayShowToken(bytes[offset...]),
            let item = reader.next(bytes, &offset)
        {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
            let isKept = RequestSource.append(item, unfinished.take(), rest, to: &sources)
            // Without its bytes it is a record of its own.
            if !isKept, case .failure(let tag, let failure, let closes) = item {
                refusal = .refused(connection, tag, failure, closes: closes)
            }
            start = offset
            if let meter { meter.count(item) }
            goesOn = engine.handle(item, from: connection, at: now, into: &effects)
            count += 1
            if refusal != nil || count >= most || Self.isOver(effects, textBound) { break }
        }
        unfinished.append(UnsafeRawBufferPointer(rebasing: bytes[start..<offset]), of: reader)
        record(refusal, of: connection, &engine, now, effects)
        return count
    }

    /// What a run took: one refused request, or those in `sources`.
    func record(
        _ refusal: Input?, of connection: ConnectionID, _ engine: inout Engine, _ now: Instant,
        _ effects: borrowing Effects
    ) {
        guard let recording else { return }
        if let refusal {
            engine.recordedBytes = recording.record(refusal, at: now, causing: effects)
        } else if !sources.isEmpty {
            engine.recordedBytes = recording.record(requests: sources, of: connection, at: now, causing: effects)
        }
    }
}
