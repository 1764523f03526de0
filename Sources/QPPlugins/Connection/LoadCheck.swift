// LoadCheck.swift
//
// RFC 5321 §7.8 (resistance to attacks): a busy machine may put clients off

public import QPHooks
import Synchronization

/// Defers clients while the machine is too busy.
public struct LoadCheck: Plugin {
    public static let name = "loadcheck"

    public static let manual = """
        loadcheck [max_load 7] [cache_time 10]

        Answers clients with a deferral while the load average of the last minute, as /proc/loadavg has it, is above
        max_load. The file is read again after cache_time seconds at the earliest. If it cannot be read, everybody is
        served. The former argument `uptime` has no meaning: no program is run.
        """

    private static let file = "/proc/loadavg"
    private let limit: Double
    private let lifetime: Duration
    private let last = LastReading()

    /// Sessions of all loops share it.
    private final class LastReading: Sendable {
        let value = Mutex<(load: Double, at: MonotonicTime)?>(nil)
    }

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["max_load", "cache_time", "uptime"])
        let limit = arguments["max_load"] ?? "7"
        guard let load = Double(limit), load >= 0, load.isFinite else {
            throw .argument("max_load '\(limit)' is no number of 0 or more")
        }
        let lifetime = arguments["cache_time"] ?? "10"
        guard let seconds = Int32(lifetime), seconds >= 0 else {
            throw .argument("cache_time '\(lifetime)' is no number of seconds")
        }
        if arguments["uptime"] != nil { setup.warn("loadcheck runs no program: the argument uptime has no effect") }
        self.limit = load
        self.lifetime = .seconds(seconds)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.connect, self.check)
    }

    @Sendable
    func check(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Void> {
        guard let load = await self.load(session) else { return .declined }
        guard load > self.limit else {
            session.log.info("pass, \(load)")
            return .declined
        }
        session.log.info("fail, load \(load) above \(self.limit)")
        return .denysoft("Server load too high, please try again later.", .systemNotAccepting)
    }

    private func load(_ session: SessionContext) async -> Double? {
        let now = session.clock.now
        let last = self.last.value.withLock { $0 }
        if let last, now.since(last.at) < self.lifetime { return last.load }
        do {
            let text = String(decoding: try await session.files.read(Self.file, limit: 256), as: UTF8.self)
            guard let word = text.split(separator: " ").first, let load = Double(word), load.isFinite else {
                session.log.error("error, \(Self.file) does not begin with a number")
                return nil
            }
            self.last.value.withLock { $0 = (load, now) }
            return load
        } catch {
            session.log.error("error, \(error)")
            return nil
        }
    }
}
