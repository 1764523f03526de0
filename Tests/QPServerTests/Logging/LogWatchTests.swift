// LogWatchTests.swift
//
// Who gets which line.

import QPHooks
import QPTelemetry
import Synchronization
import Testing

@testable import QPServer

extension LogWatcher.Pace {
    /// Looks, and does not wait.
    static let now = Self(patience: .zero, pause: .zero)
}

extension LogWatcher {
    /// Everything there is: texts, and `-N` for N lost lines.
    func texts() async -> [String] {
        var texts: [String] = []
        while let items = await self.next(), !items.isEmpty {
            for item in items {
                switch item {
                case .element(let row): texts.append(row.text)
                case .lost(let count): texts.append("-\(count)")
                }
            }
        }
        return texts
    }
}

extension LogWatch {
    static func sample(
        _ level: LogLevel? = nil, _ pluginLevels: [String: LogLevel] = [:], only plugins: Set<String> = [],
        after: UInt64? = nil, backlog: Int = 0, follows: Bool = true
    ) -> Self {
        var watch = Self()
        watch.level = level
        watch.pluginLevels = pluginLevels
        watch.plugins = plugins
        watch.after = after
        watch.backlog = backlog
        watch.follows = follows
        return watch
    }
}

@Suite struct LogWatchTests {
    let folder = ScratchFolder()

    /// An output at `warning`, perhaps a hook, two watchers; and a line.
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        var isExplicit = true
        var hook: LogLevel?
        var isDealtWith = false
        var pluginLevels: [String: LogLevel] = [:]
        var a: LogWatch?
        var b: LogWatch?
        let level: LogLevel
        var plugin: String?
        /// Who gets it: `o`utput, `h`ook, watchers `a` and `b`, `r`ing.
        let gets: String

        init(
            _ name: String, explicit: Bool = true, hook: LogLevel? = nil, dealtWith: Bool = false,
            levels: [String: LogLevel] = [:], a: LogWatch? = nil, b: LogWatch? = nil, _ level: LogLevel,
            of plugin: String? = nil, _ gets: String
        ) {
            self.testDescription = name
            self.isExplicit = explicit
            self.hook = hook
            self.isDealtWith = dealtWith
            self.pluginLevels = levels
            self.a = a
            self.b = b
            self.level = level
            self.plugin = plugin
            self.gets = gets
        }
    }

    static let qmail = LogWatch.sample(nil, ["queue/qmail-queue": .debug])
    static let alone: [Case] = [
        Case("an output's line is kept", .warning, "or"),
        Case("one below is nobody's", .notice, ""),
        Case("a hook sees all", hook: .debug, .debug, "h"),
        Case("what it leaves is written", hook: .debug, .error, "ohr"),
        Case("what it takes is kept", hook: .debug, dealtWith: true, .error, "hr"),
        Case("what the outputs may not write is kept", explicit: false, hook: .debug, .error, "hr"),
        Case("what the outputs would not write is not", explicit: false, hook: .debug, .notice, "h"),
        Case("what nobody took before costs nothing", explicit: false, hook: .critical, .error, ""),
        Case("a plugin's own level", levels: ["queue/qmail-queue": .debug], .debug, of: "queue/qmail-queue", "or"),
        Case("its name in logs", levels: ["queue::qmail_2dqueue": .debug], .debug, of: "queue/qmail-queue", "or"),
        Case("its line likewise", levels: ["queue/qmail-queue": .debug], .debug, of: "queue::qmail_2dqueue", "or"),
        Case("its former name", levels: ["check_badmailfrom": .debug], .debug, of: "badmailfrom", "or"),
        Case("another's level", levels: ["queue/qmail-queue": .debug], .debug, of: "queue/smtp", ""),
        Case("the server is no plugin", levels: ["a": .debug], .debug, of: nil, ""),
        Case("a plugin may be quieter", levels: ["a": .error], .warning, of: "a", ""),
        Case("a quiet plugin's error", levels: ["a": .error], .error, of: "a", "or"),
        Case("others are as loud as before", levels: ["a": .error], .warning, of: "b", "or"),
        Case("a hook hears the quiet one", hook: .info, levels: ["a": .error], .info, of: "a", "h"),
    ]
    static let watched: [Case] = [
        Case("as the outputs", a: .sample(), .warning, "oar"),
        Case("as the outputs, not more", a: .sample(), .notice, ""),
        Case("more for one", a: .sample(.debug), b: .sample(.notice), .info, "ar"),
        Case("more for both", a: .sample(.debug), b: .sample(.notice), .notice, "abr"),
        Case("less than the outputs", a: .sample(.error), b: .sample(), .warning, "obr"),
        Case("one plugin's debug", a: qmail, b: .sample(), .debug, of: "queue/qmail-queue", "ar"),
        Case("logs' spelling of it", a: qmail, b: .sample(), .debug, of: "queue::qmail_2dqueue", "ar"),
        Case("no other plugin's", a: qmail, b: .sample(), .debug, of: "queue/smtp", ""),
        Case("nor the server's", a: qmail, b: .sample(), .debug, of: nil, ""),
        Case("others' at the outputs' level", a: qmail, .warning, of: "queue/smtp", "oar"),
        Case("two plugins", a: qmail, b: .sample(nil, ["a": .info]), .info, of: "a", "br"),
        Case("not for the hook", hook: .info, a: qmail, .debug, of: "queue/qmail-queue", "ar"),
        Case("unless it takes that", hook: .debug, a: qmail, .debug, of: "queue/qmail-queue", "har"),
        Case("nor can it hide it", hook: .debug, dealtWith: true, a: qmail, .debug, of: "queue/qmail-queue", "har"),
        Case("a hook of few words", explicit: false, hook: .critical, a: .sample(), .error, "ar"),
        Case("only one plugin", a: .sample(.debug, only: ["b"]), .error, of: "a", "or"),
        Case("only that one", a: .sample(.debug, only: ["check_badmailfrom"]), .debug, of: "badmailfrom", "ar"),
        Case("only plugins", a: .sample(.debug, only: ["a"]), .error, of: nil, "or"),
        Case("only others", a: .sample(.debug, only: ["a"]), .debug, of: "b", ""),
        Case("a level for one left out", a: .sample(nil, ["b": .debug], only: ["a"]), .debug, of: "b", ""),
        Case("the plugin's level is the outputs'", levels: ["a": .debug], a: .sample(), .debug, of: "a", "oar"),
        Case("a quiet plugin is quiet", levels: ["a": .error], a: .sample(), .warning, of: "a", ""),
        Case("a quiet plugin, watched", levels: ["a": .error], a: .sample(.info), .warning, of: "a", "ar"),
        Case("a name that is none", a: .sample(.debug, only: ["", "/"]), .debug, of: "b", ""),
    ]

    @Test(arguments: alone + watched)
    func whoGetsWhat(_ row: Case) async throws {
        let router = try LogRouter([LogTarget(.file(self.folder("log")), level: .warning)], isExplicit: row.isExplicit)
        let seen = Mutex(0)
        if let level = row.hook {
            router.setHook(
                { _ in
                    seen.withLock { $0 += 1 }
                    return row.isDealtWith
                }, level: level)
        }
        for (plugin, level) in row.pluginLevels { router.setLevel(level, plugin: plugin) }
        let a = row.a.map { router.watch($0, pace: .now) }
        let b = row.b.map { router.watch($0, pace: .now) }
        #expect(router.accepts(row.level, plugin: row.plugin) == !row.gets.isEmpty)
        router.log(.sample(row.level, "it", plugin: row.plugin))
        var gets = self.folder.lines("log").isEmpty ? "" : "o"
        if seen.withLock({ $0 }) > 0 { gets += "h" }
        if await a?.texts() == ["it"] { gets += "a" }
        if await b?.texts() == ["it"] { gets += "b" }
        if router.lastSequence == 1 { gets += "r" }
        #expect(gets == row.gets)
        #expect(router.watchersLost == 0)
    }

    @Test func theThresholdRisesAndFalls() async throws {
        let router = try LogRouter([LogTarget(.file(self.folder("log")), level: .warning)], isExplicit: true)
        func accepted() -> [String] {
            [("s", nil), ("a", "a"), ("b", "b")].flatMap { name, plugin in
                [LogLevel.warning, .info, .debug].filter { router.accepts($0, plugin: plugin) }
                    .map { "\(name)\($0.rawValue)" }
            }
        }
        let quiet = ["s4", "a4", "b4"]
        #expect(accepted() == quiet)
        let one = router.watch(.sample(nil, ["a": .debug]), pace: .now)
        #expect(accepted() == ["s4", "a4", "a6", "a7", "b4"])
        let two = router.watch(.sample(.info), pace: .now)
        #expect(accepted() == ["s4", "s6", "a4", "a6", "a7", "b4", "b6"])
        #expect(router.watchers == 2)
        one.end()
        one.end()
        #expect(accepted() == ["s4", "s6", "a4", "a6", "b4", "b6"])
        #expect(await one.next() == nil)
        router.setLevel(.error, plugin: "a")
        two.end()
        #expect(accepted() == ["s4", "b4"])
        router.setLevel(nil, plugin: "a")
        #expect(router.level(plugin: "a") == nil)
        var dropped: LogWatcher? = router.watch(.sample(.debug), pace: .now)
        #expect(dropped != nil && router.accepts(.debug, plugin: nil))
        dropped = nil
        #expect(accepted() == quiet)
        #expect(router.watchers == 0)
    }

    @Test func whoDoesNotFollowChangesNothing() async throws {
        let router = try LogRouter([LogTarget(.file(self.folder("log")), level: .warning)], isExplicit: true)
        let watcher = router.watch(.sample(.debug, follows: false), pace: .now)
        #expect(!router.accepts(.debug, plugin: nil))
        #expect(await watcher.next() == nil)
    }

    @Test func aWatchersLevelsAreWhatTheyWereWhenALineCame() async throws {
        let router = try LogRouter([LogTarget(.file(self.folder("log")), level: .warning)], isExplicit: true)
        let loud = router.watch(.sample(.debug), pace: .now)
        router.write(.debug, "small")
        router.write(.error, "large")
        loud.end()
        #expect(await router.watch(.sample(backlog: 10), pace: .now).texts() == ["large"])
        #expect(await router.watch(.sample(.debug, backlog: 10), pace: .now).texts() == ["small", "large"])
    }

    @Test func requests() throws {
        var request = LogRequest()
        request.level = "LOGWARN"
        request.pluginLevels = ["queue/qmail-queue": "debug", "a": "6"]
        request.plugins = ["queue/smtp"]
        request.after = 5
        request.follows = false
        let watch = try LogWatch(request)
        #expect(
            watch
                == .sample(
                    .warning, ["queue::qmail_2dqueue": .debug, "a": .info], only: ["queue::smtp"], after: 5,
                    backlog: 100, follows: false))
        #expect(try LogWatch(LogRequest()).level == nil)
        request.pluginLevels["a"] = "loud"
        #expect(throws: ControlError.invalid("'loud' is no level (info, LOGINFO, 6)")) { try LogWatch(request) }
        request.plugins = (0..<300).map { "p\($0)" }
        #expect(throws: ControlError.self) { try LogWatch(request) }
    }
}
