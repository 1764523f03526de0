// LogReach.swift
//
// Who gets a line, by its level and plugin.

import QPHooks

/// Who gets the lines of one plugin, or of the server. A bound is one more than the least serious level that is taken,
/// so that 0 is "nothing at all".
struct LogReach: Sendable {
    /// The outputs at whose level a line is, a bit for each.
    private(set) var outputs = InlineArray<8, UInt32>(repeating: 0)
    /// Up to where watchers want lines.
    private(set) var watchBound: UInt8 = 0
    /// Up to where anybody takes lines.
    private(set) var bound: UInt8 = 0

    fileprivate init(_ rules: LogRules, plugin: String?) {
        let own = plugin.flatMap { rules.pluginLevels[$0] }
        var ordinary: UInt8 = 0
        for (index, target) in rules.targets.enumerated() {
            let level = own ?? target.level
            for taken in 0...Int(level.rawValue) { self.outputs[taken] |= 1 << UInt32(index) }
            ordinary = max(ordinary, level.rawValue + 1)
        }
        for watch in rules.watches.values {
            switch watch.wish(for: plugin) {
            case .nothing: break
            case .ordinary: self.watchBound = max(self.watchBound, ordinary)
            case .upTo(let level): self.watchBound = max(self.watchBound, level.rawValue + 1)
            }
        }
        self.bound = max(self.watchBound, rules.hookLevel.map { $0.rawValue + 1 } ?? 0)
        if rules.outputsWrite { self.bound = max(self.bound, ordinary) }
    }

    func outputs(at level: LogLevel) -> UInt32 { self.outputs[Int(level.rawValue)] }
}

/// What decides who gets a line. Plugins have canonical names.
struct LogRules: Sendable {
    var targets: [LogTarget]
    /// Whether the outputs write although there is a hook.
    let isExplicit: Bool
    /// In place of the outputs' levels.
    var pluginLevels: [String: LogLevel] = [:]
    /// The level up to which the hook is offered lines; `nil`: there is none.
    var hookLevel: LogLevel?
    var watches: [UInt64: LogWatch] = [:]

    init(_ targets: [LogTarget], isExplicit: Bool) {
        self.targets = targets
        self.isExplicit = isExplicit
    }

    var outputsWrite: Bool { self.hookLevel == nil || self.isExplicit }
}

/// The rules, worked out for every plugin.
struct LogTable: Sendable {
    private static let maxNames = 1024

    private let server: LogReach
    private let others: LogReach
    private let named: [String: LogReach]
    /// By the names that lines bear.
    private var seen: [String: LogReach] = [:]
    /// The last name of each kind: a comparison is much cheaper than a hash.
    private var recent = ContiguousArray<(name: String, reach: LogReach)?>(repeating: nil, count: 64)
    let gates: LogGates

    init(_ rules: LogRules) {
        var names = Set(rules.pluginLevels.keys)
        for watch in rules.watches.values { names.formUnion(watch.names) }
        self.server = LogReach(rules, plugin: nil)
        // No canonical name is a slash: this is whoever is not named.
        self.others = LogReach(rules, plugin: "/")
        self.named = Dictionary(uniqueKeysWithValues: names.map { ($0, LogReach(rules, plugin: $0)) })
        let bounds = [self.server.bound, self.others.bound] + self.named.values.map(\.bound)
        self.gates = LogGates(
            highest: bounds.max() ?? 0, lowest: bounds.min() ?? 0, server: self.server.bound)
    }

    /// Who gets the lines of a plugin, by any of its names.
    mutating func reach(of plugin: String?) -> LogReach {
        guard let plugin else { return self.server }
        guard !self.named.isEmpty else { return self.others }
        let place = Self.place(of: plugin)
        if let recent = self.recent[place], recent.name == plugin { return recent.reach }
        let reach = self.lookUp(plugin)
        self.recent[place] = (plugin, reach)
        return reach
    }

    private static func place(of plugin: String) -> Int {
        (plugin.utf8.count &* 7 &+ Int(plugin.utf8.first ?? 0)) & 63
    }

    private mutating func lookUp(_ plugin: String) -> LogReach {
        if let reach = self.seen[plugin] { return reach }
        let reach = self.named[PluginNames.canonical(plugin)] ?? self.others
        if self.seen.count >= Self.maxNames { self.seen = [:] }
        self.seen[plugin] = reach
        return reach
    }
}

/// Bounds that answer for most lines without a look at the table.
struct LogGates: Sendable {
    /// Nobody takes lines from here on.
    let highest: UInt8
    /// Before this one every line is taken.
    let lowest: UInt8
    /// From here on none of the server's lines is taken.
    let server: UInt8

    init(highest: UInt8, lowest: UInt8, server: UInt8) {
        self.highest = highest
        self.lowest = lowest
        self.server = server
    }

    init(bits: UInt32) {
        self.highest = UInt8(truncatingIfNeeded: bits)
        self.lowest = UInt8(truncatingIfNeeded: bits >> 8)
        self.server = UInt8(truncatingIfNeeded: bits >> 16)
    }

    var bits: UInt32 { UInt32(self.highest) | UInt32(self.lowest) << 8 | UInt32(self.server) << 16 }
}
