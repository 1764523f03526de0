// ConfigWatcherTests.swift

import Glibc
import QPActors
import QPHooks
import Synchronization
import Testing

@testable import QPServer

/// Collects what a watcher tells, and waits for it.
final class EventLog: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ event: ConfigStore.Event) {
        let line =
            switch event {
            case .refreshed(let refreshed):
                "refreshed \(refreshed.files.joined(separator: " ")) \(refreshed.problems.count)"
            case .loaded(let generation, _): "loaded \(generation.number)"
            case .refused(let problems): "refused \(problems.list.count)"
            }
        self.lines.withLock { $0.append(line) }
    }

    var all: [String] { self.lines.withLock { $0 } }

    /// Waits until a line that begins so is there; a bound of 20 s only ends a test that has failed anyway.
    func wait(for line: String) async throws -> Bool {
        for _ in 0..<2000 {
            if self.all.contains(where: { $0.hasPrefix(line) }) { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }
}

struct ConfigWatcherTests {
    @Test(arguments: [true, false])
    func follows(_ usesNotification: Bool) async throws {
        let folder = ConfigFolder([
            "me": "mx.example", "plugins": "rcpt_ok\nqueue/maildir x", "rcpthosts": "a.example",
        ])
        let store = ConfigStore(directory: folder.directory, catalogue: sampleCatalogue)
        let generation = try store.load().get()
        let log = EventLog()
        let watcher = try #require(
            store.watch(usesNotification: usesNotification, interval: .milliseconds(50)) { log.add($0) })

        folder.replace("rcpthosts", "b.example")
        #expect(try await log.wait(for: "refreshed rcpthosts 0"))
        #expect(generation.domains == [["b.example", "mx.example"]])

        folder.replace("rcpthosts", "bad")
        #expect(try await log.wait(for: "refreshed rcpthosts 1"))
        #expect(generation.domains == [["b.example", "mx.example"]])

        folder.replace("plugins", "rcpt_ok\nqueue/maildir broken")
        #expect(try await log.wait(for: "refused 1"))
        #expect(store.current === generation)

        folder.replace("plugins", "rcpt_ok\nqueue/maildir y")
        #expect(try await log.wait(for: "loaded 2"))
        watcher.stop()
        watcher.stop()
    }

    @Test func reloads() async throws {
        let folder = ConfigFolder(["me": "mx.example", "plugins": "rcpt_ok\n$include d", "d/1": "queue/maildir x"])
        let store = ConfigStore(directory: folder.directory, catalogue: sampleCatalogue)
        _ = try store.load().get()
        let log = EventLog()
        let watcher = try #require(store.watch { log.add($0) })
        folder.write("d/2", "relay")
        #expect(try await log.wait(for: "loaded 2"))
        #expect(store.current?.plugins.count == 3)
        folder.write("limits", "max_errors 7")
        #expect(try await log.wait(for: "loaded 3"))
        #expect(store.current?.settings.limits.maxErrors == 7)
        watcher.stop()
    }

    /// As container platforms replace a mounted configuration.
    @Test func swappedLinks() async throws {
        let folder = ConfigFolder([
            "v1/me": "mx.example", "v1/plugins": "rcpt_ok\nqueue/maildir x", "v2/me": "two.example",
            "v2/plugins": "rcpt_ok\nqueue/maildir x",
        ])
        symlink("v1", "\(folder.path)/config")
        let store = ConfigStore(directory: ConfigDirectory("\(folder.path)/config"), catalogue: sampleCatalogue)
        _ = try store.load().get()
        let log = EventLog()
        let watcher = try #require(store.watch { log.add($0) })
        symlink("v2", "\(folder.path)/new")
        rename("\(folder.path)/new", "\(folder.path)/config")
        #expect(try await log.wait(for: "loaded 2"))
        #expect(store.current?.settings.me == "two.example")
        folder.write("v1/me", "one.example")
        folder.write("v2/me", "three.example")
        #expect(try await log.wait(for: "loaded 3"))
        #expect(store.current?.settings.me == "three.example")
        watcher.stop()
    }

    @Test func directoryThatComesBack() async throws {
        let folder = ConfigFolder(["config/me": "mx.example", "config/plugins": "rcpt_ok\nqueue/maildir x"])
        let store = ConfigStore(directory: ConfigDirectory("\(folder.path)/config"), catalogue: sampleCatalogue)
        _ = try store.load().get()
        let log = EventLog()
        let watcher = try #require(store.watch(interval: .milliseconds(20)) { log.add($0) })
        folder.remove("config/me")
        folder.remove("config/plugins")
        rmdir("\(folder.path)/config")
        #expect(try await log.wait(for: "refused"))
        #expect(store.current?.plugins.count == 2)
        folder.write("config/plugins", "relay")
        folder.write("config/me", "two.example")
        for _ in 0..<2000 where store.current?.settings.me != "two.example" {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(store.current?.settings.me == "two.example")
        #expect(store.current?.plugins.count == 1)
        watcher.stop()
    }

    @Test func stopsFromWithin() async throws {
        let folder = ConfigFolder(["me": "mx.example"])
        let held = Mutex<ConfigWatcher?>(nil)
        let told = Atomic<Int>(0)
        let source = ConfigFileSource(path: "\(folder.path)/me", stamp: ConfigFileStamp.now("\(folder.path)/me"))
        let watcher = ConfigWatcher(
            sources: { [source] },
            onChange: { _ in
                held.withLock { $0.take() }?.stop()
                told.add(1, ordering: .relaxed)
            })
        held.withLock { $0 = watcher }
        folder.write("me", "x")
        for _ in 0..<2000 where told.load(ordering: .relaxed) == 0 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(held.withLock { $0 == nil })
    }
}
