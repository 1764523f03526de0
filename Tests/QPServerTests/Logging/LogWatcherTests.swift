// LogWatcherTests.swift
//
// Watchers read at their own pace: what they get, what they lose, how they wait.

import QPHooks
import QPTelemetry
import Synchronization
import Testing

@testable import QPServer

@Suite struct LogWatcherTests {
    let folder = ScratchFolder()

    func router(_ lines: Int = LogRing.maxLines) throws -> LogRouter {
        try LogRouter(
            [LogTarget(.file(self.folder("log")), level: .info)], isExplicit: true, ring: LogRing(maxLines: lines))
    }

    /// Lines `1`, `2`, ... of plugins `x` (odd) and `y`.
    func log(_ router: LogRouter, _ numbers: ClosedRange<Int>) {
        for number in numbers { router.log(.sample(.info, "\(number)", plugin: number % 2 == 1 ? "x" : "y")) }
    }

    static func texts(_ numbers: ClosedRange<Int>) -> [String] { numbers.map { "\($0)" } }

    struct Start: CustomTestStringConvertible {
        let testDescription: String
        let watch: LogWatch
        var isPicky = false
        let gets: [String]
    }

    /// Lines 11 to 20 are there.
    static let starts: [Start] = [
        Start(testDescription: "from now on", watch: .sample(), gets: []),
        Start(testDescription: "the last ones", watch: .sample(backlog: 3), gets: texts(18...20)),
        Start(testDescription: "more than there are", watch: .sample(backlog: Int.max), gets: texts(11...20)),
        Start(testDescription: "less than none", watch: .sample(backlog: -1), gets: []),
        Start(testDescription: "the last that pass", watch: .sample(only: ["x"], backlog: 2), gets: ["17", "19"]),
        Start(testDescription: "the last wanted", watch: .sample(backlog: 2), isPicky: true, gets: ["13", "19"]),
        Start(testDescription: "behind a line", watch: .sample(after: 17), gets: texts(18...20)),
        Start(testDescription: "behind the last", watch: .sample(after: 20), gets: []),
        Start(testDescription: "behind the last that is gone", watch: .sample(after: 10), gets: texts(11...20)),
        Start(testDescription: "behind one that is gone", watch: .sample(after: 5), gets: ["-5"] + texts(11...20)),
        Start(
            testDescription: "whose were they?", watch: .sample(only: ["x"], after: 5),
            gets: ["-5", "11", "13", "15", "17", "19"]),
        Start(testDescription: "behind all", watch: .sample(after: 0), gets: ["-10"] + texts(11...20)),
        Start(testDescription: "an earlier process", watch: .sample(after: 21), gets: texts(11...20)),
        Start(testDescription: "nonsense", watch: .sample(after: .max, backlog: 2), gets: texts(11...20)),
    ]

    @Test(arguments: starts)
    func beginnings(_ row: Start) async throws {
        let router = try self.router(10)
        self.log(router, 1...20)
        let wanted: Set<String> = row.isPicky ? ["13", "19", "21"] : Set(Self.texts(1...21))
        let predicate: @Sendable (LogRow) -> Bool = { wanted.contains($0.text) }
        let watcher = router.watch(row.watch, where: predicate, pace: .now)
        #expect(await watcher.texts() == row.gets)
        self.log(router, 21...21)
        #expect(await watcher.texts() == ["21"])
        var watch = row.watch
        watch.follows = false
        let reader = router.watch(watch, where: predicate, pace: .now)
        self.log(router, 22...22)
        #expect(await !reader.texts().contains("22"))
        #expect(await reader.next() == nil)
    }

    @Test func theReaderSeesWhatItMay() async throws {
        let router = try self.router()
        let watcher = router.watch(
            .sample(),
            transform: { row in
                var row = row
                row.text = row.text.replacing("secret", with: "***")
                return row
            }, where: { !$0.text.contains("secret") && $0.text.contains("*") }, pace: .now)
        router.write(.info, "a secret")
        router.write(.info, "none")
        #expect(await watcher.texts() == ["a ***"])
        #expect(self.folder.lines("log").count == 2)
    }

    @Test func theSlowLoseTheirOwnLines() async throws {
        let router = try self.router(10)
        let all = router.watch(.sample(), pace: .now)
        let odd = router.watch(.sample(only: ["x"]), pace: .now)
        let debug = router.watch(.sample(.error, ["y": .debug]), pace: .now)
        let picky = router.watch(.sample(only: ["x"]), where: { $0.text == "35" }, pace: .now)
        self.log(router, 1...4)
        #expect(await odd.texts() == ["1", "3"])
        self.log(router, 5...35)
        router.log(.sample(.debug, "36", plugin: "y"))
        let last = Self.texts(27...35)
        #expect(await all.texts() == ["-26"] + last)
        #expect(await odd.texts() == ["-11"] + last.filter { Int($0)?.isMultiple(of: 2) == false })
        #expect(await debug.texts() == ["-13"] + last.filter { Int($0)?.isMultiple(of: 2) == true } + ["36"])
        #expect(await picky.texts() == ["-13", "35"])
        #expect(router.watchersLost == 26 + 11 + 13 + 13)
        self.log(router, 37...40)
        #expect(await all.texts() == Self.texts(37...40))
        self.log(router, 41...60)
        #expect(await debug.texts() == ["-7"] + ["52", "54", "56", "58", "60"])
        // What a watcher had not seen when it went counts as well.
        all.end()
        #expect(router.watchersLost == 26 + 11 + 13 + 13 + 7 + 10)
    }

    @Test func otherPeoplesLinesAreNoLoss() async throws {
        let router = try self.router(10)
        let quiet = router.watch(.sample(only: ["z"]), pace: .now)
        router.log(.sample(.info, "mine", plugin: "z"))
        #expect(await quiet.texts() == ["mine"])
        let loud = router.watch(.sample(.debug), pace: .now)
        self.log(router, 1...100)
        for _ in 0..<100 { router.write(.debug, "x") }
        #expect(await quiet.texts() == [])
        #expect(router.watchersLost == 0)
        loud.end()
        #expect(router.watchersLost == 190)
    }

    @Test func batchesAreBounded() async throws {
        let router = try self.router()
        let watcher = router.watch(.sample(backlog: 700), pace: .now)
        self.log(router, 1...1000)
        let late = router.watch(.sample(backlog: 700), pace: .now)
        for (watcher, first) in [(watcher, 1), (late, 301)] {
            var texts: [String] = []
            while let items = await watcher.next(), !items.isEmpty {
                #expect(items.count <= 256)
                for case .element(let row) in items { texts.append(row.text) }
            }
            #expect(texts == Self.texts(first...1000))
        }
    }

    // MARK: Waiting

    func waiting(_ router: LogRouter, _ watchers: Int = 1) async {
        while router.ring.waiters < watchers { await Task.yield() }
    }

    @Test(arguments: ["end", "cancel", "line", "nothing"])
    func waits(_ what: String) async throws {
        let router = try self.router()
        let patience = what == "nothing" ? Duration.milliseconds(5) : .seconds(600)
        let watcher = router.watch(.sample(), pace: .init(patience: patience, pause: .zero))
        let reader = Task { await watcher.next()?.count }
        switch what {
        case "end":
            await self.waiting(router)
            watcher.end()
        case "cancel":
            await self.waiting(router)
            reader.cancel()
        case "line":
            await self.waiting(router)
            router.write(.info, "x")
        default: break
        }
        #expect(await reader.value == ["line": 1, "nothing": 0][what])
        #expect(router.ring.waiters == 0)
        #expect(router.watchers == (what == "end" ? 0 : 1))
    }

    @Test func whoEndedOrWasCancelledDoesNotWait() async throws {
        let router = try self.router()
        let watcher = router.watch(.sample())
        let reader = Task {
            while !Task.isCancelled { await Task.yield() }
            return await watcher.next() == nil
        }
        reader.cancel()
        #expect(await reader.value)
        watcher.end()
        #expect(await watcher.next() == nil)
    }

    @Test func aBurstWakesOnce() async throws {
        let router = try self.router()
        let watchers = (0..<3).map { _ in
            router.watch(.sample(), pace: .init(patience: .seconds(600), pause: .milliseconds(1)))
        }
        let readers = watchers.map { watcher in Task { await watcher.next()?.isEmpty } }
        await self.waiting(router, 3)
        self.log(router, 1...1000)
        for reader in readers { #expect(await reader.value == false) }
        #expect(router.ring.wakeUps.load(ordering: .relaxed) == 3)
    }

    @Test func whoDoesNotWaitIsNotWoken() throws {
        let router = try self.router(10)
        let stalled = router.watch(.sample(.debug, ["x": .info]), pace: .now)
        self.log(router, 1...1000)
        #expect(router.ring.wakeUps.load(ordering: .relaxed) == 0)
        #expect(router.ring.sequences.count == 10)
        stalled.end()
        #expect(router.watchersLost == 990)
    }

    @Test func manyThreadsManyWatchers() async throws {
        let router = try self.router()
        let (threads, lines) = (8, 400)
        let pace = LogWatcher.Pace(patience: .seconds(600), pause: .milliseconds(1))
        let watchers = [
            (router.watch(.sample(), pace: pace), threads * lines),
            (router.watch(.sample(only: ["p/1", "p/2"]), pace: pace), 2 * lines),
            (router.watch(.sample(.error, ["p::_33": .debug]), pace: pace), lines),
            (router.watch(.sample(), where: { $0.text.hasSuffix("7") }, pace: pace), threads * lines / 10),
        ]
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<threads {
                group.addTask {
                    for line in 0..<lines { router.log(.sample(.info, "\(thread) \(line)", plugin: "p/\(thread)")) }
                }
            }
            for (watcher, expected) in watchers {
                group.addTask { await Self.read(watcher, expected, threads) }
            }
        }
        for (watcher, _) in watchers { watcher.end() }
        #expect(router.watchersLost == 0)
        #expect(router.watchers == 0)
        #expect(router.lastSequence == UInt64(threads * lines))
    }

    static func read(_ watcher: LogWatcher, _ expected: Int, _ threads: Int) async {
        var (count, sequence) = (0, UInt64(0))
        var last = [Int](repeating: -1, count: threads)
        while count < expected, let items = await watcher.next() {
            for item in items {
                guard case .element(let row) = item else {
                    Issue.record("lines were lost")
                    return
                }
                #expect(row.sequence > sequence)
                sequence = row.sequence
                let numbers = row.text.split(separator: " ").compactMap { Int($0) }
                #expect(numbers.count == 2 && last[numbers[0]] < numbers[1])
                last[numbers[0]] = numbers[1]
                count += 1
            }
        }
        #expect(count == expected)
    }

    final class Flag: Sendable {
        let isUp = Atomic<Bool>(false)
    }

    @Test func watchersComeAndGoWhileLinesCome() async throws {
        let router = try self.router(100)
        let over = Flag()
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<2 {
                group.addTask {
                    for line in 0..<3000 { router.log(.sample(.info, "\(line)", plugin: "p\(thread)")) }
                    over.isUp.store(true, ordering: .relaxed)
                }
            }
            for number in 0..<4 {
                group.addTask {
                    while !over.isUp.load(ordering: .relaxed) {
                        let watcher = router.watch(.sample(.debug, ["p\(number)": .info], backlog: 10), pace: .now)
                        _ = await watcher.next()
                        _ = await watcher.next()
                        if number > 1 { watcher.end() }
                    }
                }
            }
        }
        #expect(router.watchers == 0 && router.ring.waiters == 0)
        #expect(!router.accepts(.debug, plugin: "p0"))
        #expect(router.lastSequence == 6000)
    }
}
