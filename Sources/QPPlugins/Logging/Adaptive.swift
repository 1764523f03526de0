// Adaptive.swift
//
// Much about mail that was refused, little about mail that was taken.

public import QPHooks
import Synchronization

/// Writes more about refused mails than about accepted ones.
public struct Adaptive: Plugin {
    public static let name = "logging/adaptive"

    public static let manual = """
        logging/adaptive [accept LEVEL] [reject LEVEL] [prefix TEXT]

        Writes to the standard error. Lines that are at least as serious as `reject` (default LOGWARN) are written at once.
        When a mail is over and no plugin has refused anything in it, those of its lines that are at least as serious as
        `accept` (default LOGERROR) are written once more, with `prefix` (default `) in front: a log tool that looks for
        the prefix has the accepted mails, one that leaves such lines out has the rest.

            logging/adaptive accept LOGINFO reject LOGDEBUG prefix `

        Each mail begins anew. Of one mail at most 200 lines are repeated.
        """

    private let accept: LogLevel
    private let reject: LogLevel
    private let prefix: String
    private let output: any LineOutput
    private let ownName: String
    private let kept = KeptLines()

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try KeyedArguments(setup.arguments, allowed: ["accept", "reject", "prefix"])
        self.accept = try Self.level("accept", arguments["accept"]) ?? .error
        self.reject = try Self.level("reject", arguments["reject"]) ?? .warning
        self.prefix = arguments["prefix"] ?? "`"
        self.output = setup.lineOutput(.standardError)
        self.ownName = setup.name
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.logging, self.write)
        hooks.on(.deny) { _, session in
            self.kept.deny(session.id)
            return .declined
        }
        hooks.on(.resetTransaction) { _, session in
            for event in self.kept.take(session.id) { self.output.write(self.prefix + event.line, for: event) }
            return .declined
        }
        hooks.on(.postConnection) { _, session in
            self.kept.forget(session.id)
            return .declined
        }
    }

    @Sendable
    func write(_ event: LoggingEvent) -> Verdict<Void> {
        guard event.plugin != self.ownName else { return .declined }
        if event.level <= self.reject { self.output.write(event.line, for: event) }
        if event.level <= self.accept, let session = event.session { self.kept.add(event, to: session) }
        return .declined
    }

    private static func level(_ key: String, _ word: String?) throws(PluginError) -> LogLevel? {
        guard let word else { return nil }
        guard let level = LogLevel(word) else { throw .argument("\(key): '\(word)' is no log level") }
        return level
    }
}

/// Lines of mails that are not over yet. The logging hook runs on any thread, hence the lock.
private final class KeptLines: Sendable {
    private struct Mail {
        var lines: [LoggingEvent] = []
        var isDenied = false
    }

    private static let maxLines = 200, maxOctets = 1000, maxSessions = 10_000
    private let mails = Mutex<[SessionID: Mail]>([:])

    func add(_ event: LoggingEvent, to session: SessionID) {
        self.mails.withLock { mails in
            guard mails[session] != nil || mails.count < Self.maxSessions else { return }
            guard mails[session]?.lines.count ?? 0 < Self.maxLines, !(mails[session]?.isDenied ?? false),
                event.text.utf8.count <= Self.maxOctets
            else { return }
            mails[session, default: Mail()].lines.append(event)
        }
    }

    /// Something was refused: nothing of this mail will be repeated.
    func deny(_ session: SessionID) {
        self.mails.withLock { mails in
            guard mails[session] != nil || mails.count < Self.maxSessions else { return }
            mails[session] = Mail(isDenied: true)
        }
    }

    /// The lines to repeat; the next mail begins.
    func take(_ session: SessionID) -> [LoggingEvent] {
        self.mails.withLock { $0.removeValue(forKey: session)?.lines ?? [] }
    }

    func forget(_ session: SessionID) {
        self.mails.withLock { _ = $0.removeValue(forKey: session) }
    }
}
