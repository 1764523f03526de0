// Console.swift
//
// The loop: keys, signals and news into the model, its screen onto the terminal, its wishes to the servers.

import Glibc
import QPTelemetry
import Synchronization

/// News on their way from the links to the loop, bounded by what links send.
final class NewsBox: Sendable {
    private let news = Mutex<[News]>([])
    private let waker: Waker

    init(_ waker: Waker) { self.waker = waker }

    func put(_ item: News) {
        let isFirst = self.news.withLock { news in
            news.append(item)
            return news.count == 1
        }
        if isFirst { self.waker.wake() }
    }

    func takeAll() -> [News] {
        self.news.withLock { news in
            defer { news = [] }
            return news
        }
    }
}

extension PaletteKind {
    /// What settings call it; `nil`: what the terminal has.
    init?(setting: String) {
        switch setting {
        case "256": self = .many
        case "16": self = .few
        case "none": self = .none
        default: return nil
        }
    }
}

/// The console in a terminal. Belongs to the thread that runs it.
struct Console {
    /// Shortest time between two paintings that no key asked for, and how long news is collected, in seconds: what is
    /// asked of a server in one round comes in one portion, as a rule.
    private static let paintPause = 0.1, newsPause = 0.05

    private let setup: ConsoleSetup
    private let terminal: CursesTerminal
    private let events: TerminalEvents
    private let box: NewsBox
    private let links: [ServerLink]
    private var replay: ReplayFeed?
    private var model: ConsoleModel
    private var needs: [Need] = []
    private var streams: [StreamWish] = []
    private var interval = 0.0
    private var paintedAt = 0.0
    /// When news that has come is taken.
    private var newsDueAt: Double?
    private var isDirty = true

    /// Shows the console until the operator leaves it, or the terminal goes away.
    /// - Returns: the exit status.
    static func run(_ setup: ConsoleSetup) throws(TerminalError) -> Int32 {
        do throws(TerminalError) {
            return try Self.show(setup)
        } catch {
            Blocking.run { for client in setup.clients { await client.close() } }
            throw error
        }
    }

    private static func show(_ setup: ConsoleSetup) throws(TerminalError) -> Int32 {
        let events = try TerminalEvents()
        let colors = try CursesTerminal.colors()
        let palette = PaletteKind.choose(
            environment: setup.environment, colors: colors, wanted: PaletteKind(setting: setup.colors))
        let terminal = try CursesTerminal(palette: palette, mouse: setup.hasMouse)
        let box = NewsBox(events.waker)
        let links = setup.clients.enumerated().map { index, client in
            ServerLink(index: index, client: client) { box.put($0) }
        }
        var console = Console(setup, terminal, events, box, links)
        let status = console.loop()
        terminal.end()
        Blocking.run {
            await withTaskGroup(of: Void.self) { group in
                for link in links { group.addTask { await link.stop() } }
            }
        }
        return status
    }

    private init(
        _ setup: ConsoleSetup, _ terminal: CursesTerminal, _ events: TerminalEvents, _ box: NewsBox,
        _ links: [ServerLink]
    ) {
        self.setup = setup
        self.terminal = terminal
        self.events = events
        self.box = box
        self.links = links
        self.model = setup.model
        self.replay = setup.recording.map { ReplayFeed($0.file, name: $0.name, speed: $0.speed) }
        if let problem = setup.recording?.file.problems.first, let file = setup.recording?.file {
            self.model.say(problem + (file.problemCount > 1 ? ", and \(file.problemCount - 1) more" : ""), .warning)
        }
        if !terminal.isUnicode { self.model.state.isASCII = true }
        _ = self.model.received(.resized(terminal.size))
    }

    private mutating func loop() -> Int32 {
        while true {
            self.takeNewsIfDue()
            self.wish()
            self.paintIfDue()
            for event in self.events.wait(seconds: self.patience) {
                if let status = self.handle(event) { return status }
            }
            self.tick()
        }
    }

    /// Until something has to happen by itself.
    private var patience: Double {
        let due = [self.newsDueAt, self.isDirty ? self.paintedAt + Self.paintPause : nil].compactMap(\.self).min()
        if let due { return max(0, due - Clock.steady) }
        return self.replay == nil ? 1 : min(1, self.model.state.interval)
    }

    private mutating func tick() {
        let now = Clock.wall
        let before = self.model.message
        if self.replay != nil {
            let news =
                self.replay?.advance(to: now, self.needs, self.streams, interval: self.model.state.interval) ?? []
            _ = self.model.received(.ticked(self.replay?.now ?? now))
            if !news.isEmpty {
                _ = self.model.received(.news(news))
                self.isDirty = true
            }
        } else {
            _ = self.model.received(.ticked(now))
        }
        if self.model.message != before { self.isDirty = true }
    }

    /// - Returns: the exit status, if this is the end.
    private mutating func handle(_ event: TerminalEvents.Event) -> Int32? {
        switch event {
        case .input:
            while let key = self.terminal.nextKey() {
                if key == .control("c") { return 0 }
                for effect in self.model.received(.key(key)) {
                    if let status = self.perform(effect) { return status }
                }
                self.isDirty = true
                // Keys are answered at once, whatever else is going on.
                self.paintedAt = 0
            }
        case .woken:
            if self.newsDueAt == nil { self.newsDueAt = Clock.steady + Self.newsPause }
        case .signal(let signal): return self.handle(signal)
        case .hangUp: return 1
        }
        return nil
    }

    private mutating func takeNewsIfDue() {
        guard let due = self.newsDueAt, Clock.steady >= due else { return }
        self.newsDueAt = nil
        let news = self.box.takeAll()
        guard !news.isEmpty else { return }
        _ = self.model.received(.ticked(Clock.wall))
        _ = self.model.received(.news(news))
        if !self.model.state.isFrozen || self.model.message != nil { self.isDirty = true }
    }

    private mutating func handle(_ signal: Int32) -> Int32? {
        switch signal {
        case SIGWINCH:
            self.terminal.resized()
            _ = self.model.received(.resized(self.terminal.size))
            self.isDirty = true
        case SIGTSTP: self.suspend()
        case SIGCONT:
            // Somebody else had the terminal.
            self.terminal.resume()
            self.isDirty = true
        case SIGINT, SIGTERM, SIGQUIT: return 128 + signal
        case SIGHUP: return 1
        default: break
        }
        return nil
    }

    private mutating func suspend() {
        self.terminal.suspend()
        self.events.suspendProcess()
        self.terminal.resume()
        _ = self.model.received(.resized(self.terminal.size))
        self.isDirty = true
    }

    private mutating func paintIfDue() {
        guard self.isDirty, Clock.steady - self.paintedAt >= Self.paintPause else { return }
        self.isDirty = false
        self.paintedAt = Clock.steady
        self.terminal.showCursor(at: self.model.cursor)
        self.terminal.paint(self.model.draw())
    }

    /// Tells the links what the view wants, if that is something new.
    private mutating func wish() {
        let (needs, streams, interval) = (self.model.needs, self.model.streams, self.model.state.interval)
        guard needs != self.needs || streams != self.streams || interval != self.interval else { return }
        (self.needs, self.streams, self.interval) = (needs, streams, interval)
        for link in self.links { link.want(needs, streams: streams, interval: interval) }
    }

    // MARK: Effects

    private mutating func perform(_ effect: ConsoleModel.Effect) -> Int32? {
        switch effect {
        case .quit: return 0
        case .suspend: self.suspend()
        case .repaint: self.terminal.repaint()
        case .copy(let text): self.terminal.setClipboard(text)
        case .perform(let order, let server):
            guard self.links.indices.contains(server) else { break }
            self.links[server].perform(order)
        case .save(let lines): self.save(lines)
        case .writeSettings: self.writeSettings()
        }
        return nil
    }

    private mutating func save(_ lines: [String]) {
        let time = TimeText.stamp(Clock.wall, zone: self.model.state.zone)
        let path = "qpconsole-\(time).txt"
        do throws(FileProblem) {
            try UserFiles.create(path, lines.joined(separator: "\n") + "\n")
            self.model.say("saved as \(path)", .good)
        } catch {
            self.model.say(error.text, .bad)
        }
    }

    private mutating func writeSettings() {
        guard let path = self.setup.settingsPath else { return self.model.say("there is no home for settings", .bad) }
        do throws(FileProblem) {
            let before = try UserFiles.read(path) ?? ""
            try UserFiles.replace(path, ConsoleSettings(self.model).replacing(in: before))
            self.model.say("settings are in \(path)", .good)
        } catch {
            self.model.say(error.text, .bad)
        }
    }
}
