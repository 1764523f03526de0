// LogWatch.swift
//
// Which lines a watcher of the log wants.

package import QPHooks
package import QPTelemetry

/// What a watcher wants. Plugins may be named in either form (`queue/qmail-queue`, `queue::qmail_2dqueue`).
package struct LogWatch: Sendable, Hashable {
    /// Up to which level; `nil`: what the outputs get, or would get if no logging plugin had taken it from them.
    package var level: LogLevel?
    /// Up to which level from single plugins.
    package var pluginLevels: [String: LogLevel] = [:]
    /// Only lines of these plugins; empty: of all, and of the server.
    package var plugins: Set<String> = []
    /// Go on behind this line; `nil`: the last `backlog` lines that pass come first. A number that this process has not
    /// reached comes from an earlier one: then all lines come that are there.
    package var after: UInt64?
    package var backlog = 0
    /// Whether to wait for further lines.
    package var follows = true

    /// What the outputs get, from now on.
    package init() {}

    /// Reads a request; levels are `info`, `LOGINFO` or `6`. Its query is left to the caller.
    /// - Throws: `invalid` for what is no level, and for more than 256 names of plugins.
    package init(_ request: LogRequest) throws(ControlError) {
        guard request.plugins.count + request.pluginLevels.count <= Self.maxPlugins else {
            throw .invalid("more than \(Self.maxPlugins) plugins")
        }
        if let level = request.level { self.level = try Self.level(level) }
        for (plugin, level) in request.pluginLevels {
            self.pluginLevels[PluginNames.canonical(plugin)] = try Self.level(level)
        }
        self.plugins = Set(request.plugins.map(PluginNames.canonical))
        self.after = request.after
        self.backlog = request.backlog
        self.follows = request.follows
    }

    private static let maxPlugins = 256

    private static func level(_ text: String) throws(ControlError) -> LogLevel {
        guard let level = LogTarget.level(text) else {
            throw .invalid("'\(text.prefix(32))' is no level (info, LOGINFO, 6)")
        }
        return level
    }

    /// The same with one spelling for each plugin. If two spellings of one have levels, the less serious counts.
    var canonical: Self {
        var watch = self
        watch.pluginLevels = Dictionary(
            self.pluginLevels.map { (PluginNames.canonical($0.key), $0.value) }, uniquingKeysWith: max)
        watch.plugins = Set(self.plugins.map(PluginNames.canonical))
        return watch
    }

    /// The plugins it names.
    var names: Set<String> { self.plugins.union(self.pluginLevels.keys) }

    /// What it wants of a plugin, by its canonical name, or of the server.
    func wish(for plugin: String?) -> LogWish {
        guard self.plugins.isEmpty || plugin.map(self.plugins.contains) ?? false else { return .nothing }
        guard let level = plugin.flatMap({ self.pluginLevels[$0] }) ?? self.level else { return .ordinary }
        return .upTo(level)
    }
}

/// What a watcher wants of one plugin.
enum LogWish: Sendable, Hashable {
    case nothing
    /// What is at the level of the outputs.
    case ordinary
    case upTo(LogLevel)
}

/// Lets lines through that a watcher wants.
struct LogSieve: Sendable {
    private static let maxNames = 1024

    private let watch: LogWatch
    private let server: LogWish
    /// By the names that lines bear.
    private var wishes: [String: LogWish] = [:]
    let tellsPluginsApart: Bool

    /// Names in the watch are canonical.
    init(_ watch: LogWatch) {
        self.watch = watch
        self.server = watch.wish(for: nil)
        self.tellsPluginsApart = !watch.names.isEmpty
    }

    mutating func passes(_ line: LogRing.Line) -> Bool {
        self.passes(line.event.level, line.event.plugin, isOrdinary: line.isOrdinary)
    }

    mutating func passes(_ level: LogLevel, _ plugin: String?, isOrdinary: Bool) -> Bool {
        switch self.wish(for: plugin) {
        case .nothing: false
        case .ordinary: isOrdinary
        case .upTo(let limit): level <= limit
        }
    }

    private mutating func wish(for plugin: String?) -> LogWish {
        guard self.tellsPluginsApart, let plugin else { return self.server }
        if let wish = self.wishes[plugin] { return wish }
        let wish = self.watch.wish(for: PluginNames.canonical(plugin))
        if self.wishes.count >= Self.maxNames { self.wishes = [:] }
        self.wishes[plugin] = wish
        return wish
    }
}
