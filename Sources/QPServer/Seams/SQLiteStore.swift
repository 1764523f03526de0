// SQLiteStore.swift
//
// Plugins' values in a file of the state folder: they outlive the server.

package import QPHooks
import Synchronization

/// Keeps values by namespace and key in one SQLite file. Lifetimes count by the wall clock, so that they go on while no
/// server runs. When there are too many values, those that have ended go first, then those written longest ago.
///
/// One thread does all the work: what waits for it is done in one transaction, and answered after its end.
package final class SQLiteStore: KeyValueStore {
    /// The file's name in the state folder.
    static let fileName = "plugins.sqlite"
    static let lockName = "plugins.lock"
    /// Octets of a key and its value.
    static let maxValue = 1 << 20
    private static let maxWaiting = 10_000
    private static let batch = 256

    private struct Mailbox {
        var requests: [StoreRequest] = []
        var isClosed = false
    }

    private let clock: @Sendable () -> Int64
    private let lock: FolderLock
    private let keeper: Mutex<StoreKeeper>
    private let mailbox = Mutex(Mailbox())
    private let wakeUp: WakeUp
    private let ended = AsyncStream<Never>.makeStream()

    /// Opens the file, or makes it. As the user who is to own it; `close` gives it back.
    ///
    /// - Parameters:
    ///   - folder: the state folder; made, for the owner only, if it is not there.
    ///   - bounds: how much is kept.
    ///   - clock: nanoseconds since 1970.
    ///   - report: gets what the operator should know.
    /// - Throws: what the operator must mend; the server can run without.
    init(
        folder: String, bounds: StoreFile.Bounds = StoreFile.Bounds(),
        clock: @escaping @Sendable () -> Int64 = TrailDatabase.wall, report: @escaping @Sendable (String) -> Void
    ) throws(TelemetryStorageError) {
        self.lock = try Self.lock(folder)
        self.clock = clock
        self.keeper = Mutex(
            try StoreKeeper("\(folder)/\(Self.fileName)", bounds: bounds, clock: clock, report: report))
        do throws(StartError) {
            self.wakeUp = try WakeUp()
            try WorkerThread.start("store") { self.run() }
        } catch {
            throw .unusable(path: folder, reason: error.text)
        }
    }

    /// One process at a time.
    static func lock(_ folder: String) throws(TelemetryStorageError) -> FolderLock {
        do throws(EffectError) {
            try FileWork.makeDirectory(folder, mode: 0o700)
        } catch {
            throw .unusable(path: folder, reason: error.description)
        }
        return try FolderLock("\(folder)/\(Self.lockName)")
    }

    package func value(
        of key: String, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> [UInt8]? {
        let outcome = try await self.ask(.value(StoreKey(namespace: namespace, name: key)))
        guard case .value(let value) = outcome else { return nil }
        return value
    }

    package func set(
        _ key: String, to value: [UInt8]?, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) {
        guard key.utf8.count + (value?.count ?? 0) <= Self.maxValue else { throw .tooLong("stored value") }
        let key = StoreKey(namespace: namespace, name: key)
        _ = try await self.ask(value.map { .set(key, $0, end: self.end(lifetime)) } ?? .remove(key))
    }

    package func add(
        _ amount: Int64, to key: String, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> Int64 {
        guard key.utf8.count <= Self.maxValue else { throw .tooLong("stored value") }
        let key = StoreKey(namespace: namespace, name: key)
        let outcome = try await self.ask(.add(key, amount, end: self.end(lifetime)))
        guard case .sum(let sum) = outcome else { return amount }
        return sum
    }

    /// Ends the thread once what waits is done, and gives the file back. What is asked later fails.
    package func close() async {
        self.mailbox.withLock { $0.isClosed = true }
        self.wakeUp.wake()
        for await _ in self.ended.stream {}
    }

    private func end(_ lifetime: Duration?) -> Int64? {
        lifetime.map { MonotonicTime(nanoseconds: self.clock()).advanced(by: $0).nanoseconds }
    }

    private func ask(_ work: StoreWork) async throws(EffectError) -> StoreOutcome {
        let request = StoreRequest(work: work)
        let (isFirst, refusal) = self.mailbox.withLock { mailbox -> (Bool, EffectError?) in
            if mailbox.isClosed { return (false, .failed("store: the server ends")) }
            if mailbox.requests.count >= Self.maxWaiting { return (false, .failed("store: too much waits")) }
            mailbox.requests.append(request)
            return (mailbox.requests.count == 1, nil)
        }
        if let refusal { throw refusal }
        if isFirst { self.wakeUp.wake() }
        return try await request.result.value(cancelled: .failed("store: cancelled")).get()
    }

    // MARK: The thread

    private func run() {
        while true {
            let (requests, isLast, isClosed) = self.take()
            if !requests.isEmpty {
                let results = self.keeper.withLock { $0.perform(requests.map(\.work)) }
                for (request, result) in zip(requests, results) { request.result.finish(result) }
            } else if isLast, isClosed {
                break
            }
            let isUnfinished = self.keeper.withLock { $0.tidy() }
            guard requests.isEmpty, isLast, !isUnfinished else { continue }
            self.wakeUp.wait(milliseconds: self.keeper.withLock(\.pause))
        }
        self.keeper.withLock { $0.close() }
        self.lock.release()
        self.ended.continuation.finish()
    }

    /// Requests to do now, without those whose askers have gone; whether there are no others; whether none will come.
    private func take() -> (requests: [StoreRequest], isLast: Bool, isClosed: Bool) {
        self.mailbox.withLock { mailbox in
            let requests = Array(mailbox.requests.prefix(Self.batch))
            mailbox.requests.removeFirst(requests.count)
            return (requests.filter { !$0.result.isFinished }, mailbox.requests.isEmpty, mailbox.isClosed)
        }
    }
}
