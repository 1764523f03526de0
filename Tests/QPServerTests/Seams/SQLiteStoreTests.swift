// SQLiteStoreTests.swift
//
// Plugins' values on disk: what they mean, what bounds them, what survives.

import GRDB
import Glibc
import QPHooks
import Synchronization
import Testing

@testable import QPServer

/// A store in a scratch folder, its clock and what it reported.
final class StoreKit: Sendable {
    let folder = ScratchFolder()
    let time = Mutex<Int64>(20_000 * day)
    let reports = Mutex<[String]>([])

    var state: String { self.folder("state") }
    var file: String { "\(self.state)/\(SQLiteStore.fileName)" }
    var texts: [String] { self.reports.withLock { $0 } }
    var now: Int64 { self.time.withLock { $0 } }

    func pass(seconds: Int64) { self.time.withLock { $0 += seconds * second } }

    func open(_ bounds: StoreFile.Bounds = .init()) throws(TelemetryStorageError) -> SQLiteStore {
        try SQLiteStore(
            folder: self.state, bounds: bounds, clock: { self.now },
            report: { text in self.reports.withLock { $0.append(text) } })
    }

    func keeper(_ bounds: StoreFile.Bounds = .init()) throws -> StoreKeeper {
        try StoreKeeper(
            self.file, bounds: bounds, clock: { self.now },
            report: { text in self.reports.withLock { $0.append(text) } })
    }

    /// Runs a body with an open store, and closes it.
    func with(_ bounds: StoreFile.Bounds = .init(), _ body: (SQLiteStore) async throws -> Void) async throws {
        let store = try self.open(bounds)
        do {
            try await body(store)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    /// Runs statements on the file as another program would.
    func sql(_ statements: String) throws {
        let queue = try DatabaseQueue(path: self.file)
        try queue.write { try $0.execute(sql: statements) }
        try queue.close()
    }
}

extension SQLiteStore {
    func text(_ key: String, _ namespace: String = "a") async throws -> String? {
        try await self.value(of: key, in: namespace, origin: origin()).map { String(decoding: $0, as: UTF8.self) }
    }

    func expect(
        _ key: String, _ namespace: String = "a", is value: String?, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await self.text(key, namespace)
        #expect(found == value, sourceLocation: sourceLocation)
    }

    func set(_ key: String, _ value: String?, _ seconds: Int? = nil, _ namespace: String = "a") async throws {
        try await self.set(
            key, to: value.map { Array($0.utf8) }, lifetime: seconds.map { .seconds($0) }, in: namespace,
            origin: origin())
    }
}

@Suite struct SQLiteStoreTests {
    let kit = StoreKit()

    @Test func valuesSurviveTheServer() async throws {
        try await self.kit.with { store in
            try await store.set("k", "1")
            try await store.set("k", "2", nil, "shadow:a")
            try await store.set("gone", "x")
            try await store.set("gone", nil)
            try await store.set("empty", "")
            try await store.set("a\0b", "nul")
        }
        try await self.kit.with { store in
            try await store.expect("k", is: "1")
            try await store.expect("k", "shadow:a", is: "2")
            try await store.expect("k", "b", is: nil)
            try await store.expect("gone", is: nil)
            try await store.expect("empty", is: "")
            try await store.expect("a\0b", is: "nul")
            try await store.expect("a", is: nil)
        }
        #expect(self.kit.texts == [])
        #expect(TrailKit.status(self.kit.file)?.mode == 0o600)
        #expect(TrailKit.status(self.kit.state)?.mode == 0o700)
    }

    @Test func lifetimesGoOnWhileNoServerRuns() async throws {
        try await self.kit.with { store in
            try await store.set("k", "1", 10)
            try await store.set("n", "1", 20)
            self.kit.pass(seconds: 9)
            try await store.expect("k", is: "1")
        }
        self.kit.pass(seconds: 1)
        try await self.kit.with { store in
            try await store.expect("k", is: nil)
            try await store.expect("n", is: "1")
            // A sum has the lifetime of its last addition, and begins anew after its end.
            let sum = try await store.add(2, to: "n", lifetime: .seconds(5), in: "a", origin: origin())
            #expect(sum == 3)
            self.kit.pass(seconds: 5)
            let newSum = try await store.add(2, to: "n", lifetime: nil, in: "a", origin: origin())
            #expect(newSum == 2)
        }
    }

    @Test(
        arguments: [
            (nil, 5, 5), ("7", -2, 5), ("text", 3, 3), ("9223372036854775807", 1, .max),
            ("-9223372036854775808", -1, .min),
        ] as [(String?, Int64, Int64)])
    func additions(_ before: String?, _ amount: Int64, _ after: Int64) async throws {
        try await self.kit.with { store in
            try await store.set("n", before)
            let sum = try await store.add(amount, to: "n", lifetime: nil, in: "a", origin: origin())
            #expect(sum == after)
            try await store.expect("n", is: "\(after)")
        }
    }

    @Test func additionsOfManyAreOneStepEach() async throws {
        try await self.kit.with { store in
            let sums = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<500 {
                    group.addTask { try await store.add(1, to: "n", lifetime: nil, in: "a", origin: origin()) }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(sums == Set(1...500))
        }
    }

    @Test func valuesAreBounded() async throws {
        try await self.kit.with { store in
            let large = String(repeating: "x", count: SQLiteStore.maxValue - 1)
            try await store.set("k", large)
            let kept = try await store.text("k")
            #expect(kept == large)
            await #expect(throws: EffectError.tooLong("stored value")) { try await store.set("kk", large) }
            await #expect(throws: EffectError.tooLong("stored value")) {
                _ = try await store.add(1, to: large + "xx", lifetime: nil, in: "a", origin: origin())
            }
        }
    }

    @Test func whatIsAskedAfterTheEndFails() async throws {
        let store = try self.kit.open()
        await store.close()
        await #expect(throws: EffectError.failed("store: the server ends")) { try await store.text("k") }
        try await self.kit.with { try await $0.expect("k", is: nil) }
    }

    @Test func aCancelledTaskWaitsNoLonger() async {
        let result = OneResult<Int, EffectError>()
        let task = Task { await result.value(cancelled: .failed("store: cancelled")) }
        task.cancel()
        #expect(await task.value == .failure(.failed("store: cancelled")))
        result.finish(.success(1))
        #expect(await result.value(cancelled: .closed("")) == .failure(.failed("store: cancelled")))
    }

    @Test func onlyOneOpens() async throws {
        try await self.kit.with { _ in
            let error = #expect(throws: TelemetryStorageError.self) { try self.kit.open() }
            #expect(error == .inUse(path: "\(self.kit.state)/plugins.lock", process: getpid()))
        }
    }

    // MARK: Bounds

    private func tidy(_ keeper: inout StoreKeeper) {
        self.kit.pass(seconds: 61)
        while keeper.tidy() {}
    }

    private func count(_ statement: String = "SELECT count(*) FROM entry") throws -> Int64 {
        let queue = try DatabaseQueue(path: self.kit.file)
        defer { try? queue.close() }
        return try queue.read { try Int64.fetchOne($0, sql: statement) ?? -1 }
    }

    private static func set(_ key: String, octets: Int = 10, end: Int64? = nil) -> StoreWork {
        .set(StoreKey(namespace: "a", name: key), [UInt8](repeating: 7, count: octets), end: end)
    }

    private static func has(_ keeper: inout StoreKeeper, _ key: String) -> Bool {
        guard case .success(.value(let value)) = keeper.perform([.value(StoreKey(namespace: "a", name: key))])[0] else {
            return false
        }
        return value != nil
    }

    @Test func whatHasEndedGoesFirstThenTheOldest() throws {
        var keeper = try self.kit.keeper(.init(entries: 1000))
        _ = keeper.perform((0..<600).map { Self.set("old\($0)") })
        _ = keeper.perform((0..<600).map { Self.set("short\($0)", end: self.kit.now + second) })
        self.tidy(&keeper)
        #expect(try self.count() == 600)
        _ = keeper.perform((0..<1000).map { Self.set("new\($0)") } + [Self.set("old0")])
        self.tidy(&keeper)
        #expect(try self.count() == 1000)
        #expect(Self.has(&keeper, "old0"), "it was written last")
        #expect(!Self.has(&keeper, "old1"))
        #expect(!Self.has(&keeper, "new0"))
        #expect(Self.has(&keeper, "new1"))
        keeper.close()
    }

    @Test func octetsAreBounded() throws {
        let bounds = StoreFile.Bounds(octets: 1 << 20)
        var keeper = try self.kit.keeper(bounds)
        // Far more than the file may ever have: older values make room at once.
        for index in 0..<300 {
            #expect(keeper.perform([Self.set("k\(index)", octets: 20_000)]) == [.success(.done)])
        }
        self.tidy(&keeper)
        #expect(Self.has(&keeper, "k299"))
        #expect(!Self.has(&keeper, "k0"))
        keeper.close()
        #expect((TrailKit.status(self.kit.file)?.size ?? .max) <= 2 << 20)
        #expect(self.kit.texts == [])
    }

    // MARK: Failures

    @Test func aDamagedFileIsMovedAside() async throws {
        try await self.kit.with { try await $0.set("k", "1") }
        let descriptor = Glibc.open(self.kit.file, O_WRONLY)
        let noise = [UInt8](repeating: 0xA5, count: 4096)
        _ = pwrite(descriptor, noise, noise.count, 0)
        Glibc.close(descriptor)
        try await self.kit.with { store in
            try await store.expect("k", is: nil)
            try await store.set("k", "2")
            try await store.expect("k", is: "2")
        }
        #expect(self.kit.texts.count == 1)
        #expect(self.kit.texts.first?.contains("moved to \(self.kit.file).corrupt-") == true, "\(self.kit.texts)")
    }

    @Test func damageThatShowsLaterCostsNoMail() throws {
        var keeper = try self.kit.keeper()
        for index in 0..<200 { _ = keeper.perform([Self.set("k\(index)", octets: 3000)]) }
        keeper.close()
        keeper = try self.kit.keeper()
        let descriptor = Glibc.open(self.kit.file, O_WRONLY)
        let noise = [UInt8](repeating: 0xA5, count: (TrailKit.status(self.kit.file)?.size ?? 0) - 8192)
        _ = pwrite(descriptor, noise, noise.count, 8192)
        Glibc.close(descriptor)
        let results = (0..<200).flatMap { keeper.perform([.value(StoreKey(namespace: "a", name: "k\($0)"))]) }
        #expect(results.allSatisfy { (try? $0.get()) != nil })
        #expect(keeper.perform([Self.set("new")]) == [.success(.done)])
        #expect(Self.has(&keeper, "new"))
        #expect(self.kit.texts.count == 1)
        #expect(self.kit.texts.first?.contains("moved to") == true, "\(self.kit.texts)")
        keeper.close()
    }

    @Test func aFileThatWasTakenAwayIsBegunAnew() throws {
        var keeper = try self.kit.keeper()
        _ = keeper.perform([Self.set("k")])
        for suffix in ["", "-wal", "-shm"] { unlink(self.kit.file + suffix) }
        self.tidy(&keeper)
        #expect(!Self.has(&keeper, "k"))
        #expect(keeper.perform([Self.set("k")]) == [.success(.done)])
        #expect(TrailKit.status(self.kit.file) != nil)
        #expect(self.kit.texts.count == 1)
        #expect(self.kit.texts.first?.hasSuffix("was removed; a new one is begun") == true)
        keeper.close()
    }

    /// Another program's lock is what a test can make of a disk that takes nothing.
    @Test func whatCannotBeWrittenIsSaidOnceAndComesBack() throws {
        var bounds = StoreFile.Bounds()
        bounds.patience = 0
        var keeper = try self.kit.keeper(bounds)
        _ = keeper.perform([Self.set("k")])
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: self.kit.file, configuration: configuration)
        try other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
        let results = keeper.perform([Self.set("new"), .value(StoreKey(namespace: "a", name: "k"))])
        #expect((try? results[0].get()) == nil)
        #expect((try? results[1].get()) == .value([UInt8](repeating: 7, count: 10)), "reading goes on")
        #expect((try? keeper.perform([Self.set("new")])[0].get()) == nil)
        #expect(self.kit.texts.count == 1)
        #expect(self.kit.texts.first?.hasSuffix("plugins' values are not kept") == true, "\(self.kit.texts)")
        try other.inDatabase { try $0.execute(sql: "ROLLBACK") }
        try other.close()
        #expect(keeper.perform([Self.set("new")]) == [.success(.done)])
        #expect(self.kit.texts.last?.hasSuffix("values are kept again") == true)
        keeper.close()
    }

    struct Unusable: CustomTestStringConvertible {
        let testDescription: String
        let error: String
        let prepare: @Sendable (StoreKit) throws -> Void
    }

    @Test(arguments: [
        Unusable(testDescription: "a file where the folder should be", error: "Not a directory") {
            $0.folder.write("state", "x")
        },
        Unusable(testDescription: "a folder where the file should be", error: "Is a directory") {
            try FileWork.makeDirectory($0.file, mode: 0o700)
        },
        Unusable(testDescription: "another program's", error: "a database of another program") { kit in
            try FileWork.makeDirectory(kit.state, mode: 0o700)
            try kit.sql("CREATE TABLE mine (a); INSERT INTO mine VALUES (1)")
        },
        Unusable(testDescription: "a later version's", error: "later version of qpserver (format 9") { kit in
            var keeper = try kit.keeper()
            keeper.close()
            try kit.sql("PRAGMA user_version = 9")
        },
    ])
    func refuses(_ row: Unusable) throws {
        try row.prepare(self.kit)
        let error = #expect(throws: TelemetryStorageError.self) { try self.kit.open() }
        #expect(error?.description.contains(row.error) == true, "\(String(describing: error))")
    }
}
