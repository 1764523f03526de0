// LogRouterTests.swift
//
// Levels, the hook, rotation, and that nobody waits.

import Glibc
import Logging
import QPHooks
import Synchronization
import Testing

@testable import QPServer

@Suite struct LogRouterTests {
    /// What a hook saw.
    final class Seen: Sendable {
        let texts = Mutex<[String]>([])
        func add(_ text: String) { self.texts.withLock { $0.append(text) } }
        var all: [String] { self.texts.withLock { $0 } }
    }

    let folder = ScratchFolder()

    func router(_ level: LogLevel = .info, isExplicit: Bool = false, start: Bool = true) throws -> LogRouter {
        let router = try LogRouter(
            [LogTarget(.file(self.folder("log")), format: .qpsmtpd, level: level)], isExplicit: isExplicit)
        if start { try router.start() }
        return router
    }

    func texts() -> [String] {
        self.folder.lines("log").map { String($0.drop { $0 != " " }.dropFirst()) }
    }

    @Test func writesInOrderFromManyThreads() async throws {
        let router = try self.router()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask { for index in 0..<500 { router.write(.info, "\(task) \(index)") } }
            }
        }
        #expect(router.flush())
        let lines = self.texts()
        #expect(lines.count == 2000)
        for task in 0..<4 {
            #expect(lines.filter { $0.hasPrefix("\(task) ") } == (0..<500).map { "\(task) \($0)" })
        }
        #expect(router.shutdown())
        router.write(.info, "last words")
        #expect(self.texts().last == "last words")
        #expect(router.dropped == 0)
    }

    @Test func beforeItIsStartedLinesAreWrittenAtOnce() throws {
        let router = try self.router(start: false)
        router.write(.error, "early")
        #expect(self.texts() == ["early"])
        var status = stat()
        #expect(stat(self.folder("log"), &status) == 0 && status.st_mode & 0o777 == 0o640)
    }

    @Test func levels() throws {
        let router = try self.router(.warning, start: false)
        #expect(router.accepts(.warning, plugin: nil))
        #expect(!router.accepts(.notice, plugin: "a"))
        router.setLevel(.debug, plugin: "a")
        #expect(router.accepts(.debug, plugin: "a"))
        #expect(!router.accepts(.debug, plugin: "b"))
        #expect(!router.accepts(.notice, plugin: nil))
        router.log(.sample(.debug, "of a", plugin: "a"))
        router.log(.sample(.debug, "of b", plugin: "b"))
        router.setLevel(.error, plugin: "a")
        #expect(!router.accepts(.warning, plugin: "a"))
        router.setLevel(nil, plugin: "a")
        #expect(router.accepts(.warning, plugin: "a"))
        router.setLevel(.info)
        #expect(router.targets.map(\.level) == [.info])
        router.log(.sample(.info, "of c", plugin: "c"))
        #expect(self.texts() == ["a: of a", "c: of c"])
    }

    @Test func outputsHaveTheirOwnLevels() throws {
        let router = try LogRouter(
            [LogTarget(.file(self.folder("all")), level: .debug), LogTarget(.file(self.folder("bad")), level: .error)],
            isExplicit: true)
        router.write(.debug, "small")
        router.write(.error, "large")
        #expect(self.folder.lines("all").count == 2)
        #expect(self.folder.lines("bad").count == 1)
        router.setLevel(.info, output: 0)
        #expect(!router.accepts(.debug, plugin: nil))
    }

    @Test(arguments: [
        (false, true, []), (false, false, []), (true, true, []), (true, false, ["x"]),
    ])
    func aHookTakesOver(_ isExplicit: Bool, _ isDealtWith: Bool, _ written: [String]) throws {
        let router = try self.router(isExplicit: isExplicit, start: false)
        let seen = Seen()
        router.hook = { event in
            seen.add(event.text)
            return isDealtWith
        }
        #expect(router.accepts(.debug, plugin: nil))
        router.write(.info, "x")
        #expect(seen.all == ["x"])
        #expect(self.texts() == written)
        router.setHook({ _ in false }, level: .error)
        #expect(router.accepts(.info, plugin: nil) == isExplicit)
        router.hook = nil
        router.write(.info, "y")
        #expect(self.texts() == written + ["y"])
    }

    @Test func linesOfTheHookAreNotOfferedToIt() throws {
        for isExplicit in [false, true] {
            let router = try self.router(isExplicit: isExplicit, start: false)
            let seen = Seen()
            router.hook = { [weak router] event in
                seen.add(event.text)
                router?.write(.info, "inner")
                return true
            }
            router.write(.info, "outer")
            router.write(.info, "again")
            #expect(seen.all == ["outer", "again"])
        }
        #expect(self.texts() == ["inner", "inner"])
    }

    @Test func filesAreReopened() throws {
        let router = try self.router()
        router.write(.info, "before")
        router.flush()
        rename(self.folder("log"), self.folder("log.1"))
        router.write(.info, "between")
        router.reopen()
        router.write(.info, "after")
        #expect(router.shutdown())
        #expect(self.folder.lines("log.1").map { $0.hasSuffix("before") || $0.hasSuffix("between") } == [true, true])
        #expect(self.texts() == ["after"])
    }

    @Test func aStuckOutputStopsNobody() throws {
        // The thread may still write when the reader has gone; a server ignores this as well.
        signal(SIGPIPE, SIG_IGN)
        mkfifo(self.folder("pipe"), 0o600)
        let reader = open(self.folder("pipe"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let router = try LogRouter([LogTarget(.file(self.folder("pipe")))], isExplicit: true)
        try router.start()
        for _ in 0..<60_000 { router.write(.info, String(repeating: "x", count: 100)) }
        #expect(router.dropped > 20_000)
        #expect(!router.shutdown(timeout: .milliseconds(50)))
        router.write(.info, "nobody waits for this either")
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var text: [UInt8] = []
        let isReported = eventually {
            let count = read(reader, &buffer, buffer.count)
            if count > 0 { text += buffer.prefix(count) }
            return String(decoding: text.suffix(1000), as: UTF8.self).contains("log lines were not written")
        }
        #expect(isReported)
    }

    @Test func unusableOutputsAreStartErrors() {
        for path in ["/nonexistent/log", self.folder.path] {
            #expect(throws: StartError.self) { try LogRouter([LogTarget(.file(path))], isExplicit: true) }
        }
    }

    @Test func fullDisksAreCounted() throws {
        let router = try LogRouter([LogTarget(.file("/dev/full"))], isExplicit: true)
        router.write(.info, "lost")
        #expect(router.dropped >= 1)
    }

    @Test func theJournalGetsDatagrams() throws {
        let listener = OwnedDescriptor(socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        let name = try #require(SocketName(path: self.folder("journal")))
        let number = listener.number
        #expect(name.with { bind(number, $0, $1) } == 0)
        let router = try LogRouter([LogTarget(.journald(self.folder("journal")))], isExplicit: true)
        router.write(.warning, "hello")
        var buffer = [UInt8](repeating: 0, count: 1000)
        let count = read(number, &buffer, buffer.count)
        #expect(
            String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
                == "PRIORITY=4\nSYSLOG_IDENTIFIER=qpserver\nMESSAGE=hello\n")
    }

    @Test func librariesLogToo() throws {
        let router = try self.router(start: false)
        var logger = router.logger("nio")
        logger[metadataKey: "a"] = "b c"
        logger.notice("hello\n", metadata: ["x": "y"])
        logger.trace("not this")
        #expect(self.texts() == [#"hello\n a="b c" x=y logger=nio"#])
    }
}

@Suite struct LineOutputTests {
    let folder = ScratchFolder()
    let router: LogRouter

    init() throws {
        self.router = try LogRouter([], isExplicit: false)
    }

    @Test("claim 72: the files of logging/file are written, and closed for the next name")
    func filesFollowTimeAndSession() throws {
        let output = self.router.lineOutput(.file(path: self.folder("%Y-%i.log"), reopen: false))
        output.write("one", for: .sample(.info, "", session: 1))
        output.write("two", for: .sample(.info, "", session: 2))
        output.write("three", for: .sample(.info, "", session: 1))
        let (first, second) = ("2026-\(SessionID(bits: 1)).log", "2026-\(SessionID(bits: 2)).log")
        #expect(self.folder.lines(first) == ["one", "three"])
        #expect(self.folder.lines(second) == ["two"])
    }

    @Test func reopensForEverySession() throws {
        let output = self.router.lineOutput(.file(path: self.folder("log"), reopen: true))
        output.write("one", for: .sample(.info, "", session: 1))
        rename(self.folder("log"), self.folder("old"))
        output.write("two", for: .sample(.info, "", session: 1))
        output.write("three", for: .sample(.info, "", session: 2))
        #expect(self.folder.lines("old") == ["one", "two"])
        #expect(self.folder.lines("log") == ["three"])
        rename(self.folder("log"), self.folder("older"))
        self.router.reopen()
        output.write("four", for: .sample(.info, "", session: 2))
        #expect(self.folder.lines("log") == ["four"])
    }

    @Test func linesStayLines() throws {
        let output = self.router.lineOutput(.file(path: self.folder("log"), reopen: false))
        output.write("a\r\nb\u{1B}[0m\u{85}\u{2028}\u{202E}\\x41\tz", for: .sample(.info, ""))
        #expect(self.folder.lines("log") == [#"a\r\nb\x1b[0m\u{85}\u{2028}\u{202e}\x41"# + "\tz"])
    }

    @Test func theSystemLogGetsDatagrams() throws {
        let name = try #require(SocketName(path: self.folder("log")))
        let listener = OwnedDescriptor(socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        let number = listener.number
        #expect(name.with { bind(number, $0, $1) } == 0)
        let line = PluginLine(
            target: .syslog(ident: "mx", facility: "local3"), text: "hello", level: .warning,
            wallTime: 1_700_000_000_000_000_000, session: nil)
        let text = SystemLogSocket.datagram(line, ident: "mx", facility: "local3")
        #expect(text.hasPrefix("<156>Nov 1"))
        #expect(text.hasSuffix(" mx[\(getpid())]: hello"))

        let socket = SystemLogSocket(path: self.folder("log"))
        #expect(socket.send(text))
        var buffer = [UInt8](repeating: 0, count: 1000)
        let count = read(number, &buffer, buffer.count)
        #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == text)
        #expect(!SystemLogSocket(path: self.folder("nobody")).send(text))
    }

    @Test func lostLinesAreCounted() throws {
        let output = self.router.lineOutput(.file(path: self.folder("no/log"), reopen: false))
        output.write("lost", for: .sample(.info, ""))
        #expect(self.router.dropped == 1)
    }
}
