// TelemetryConfig.swift
//
// config/telemetry and config/state_dir: what the server remembers of its sessions, where, and how long.

import QPHooks
import QPTelemetry

/// What operators can see later.
package struct TelemetrySettings: Sendable, Hashable {
    /// What becomes of peers' addresses before anybody sees or stores them.
    package enum Privacy: String, Sendable, Hashable, CaseIterable {
        case shown
        case hashed
        case dropped
    }

    package var privacy = Privacy.shown
    /// Octets of trails in memory: 1 MB to 1 GB.
    package var trailsMemory = 4 << 20
    /// Octets of trails in the state directory, up to 1 TB; 0: none are kept there.
    package var trailsDisk = 256 << 20
    /// Days that trails are kept there: 1 to 3650.
    package var trailsDays = 7
    /// Lines of the log that are kept for watchers: 256 to 1048576.
    package var logLines = 4096
    /// Where state that outlives the process is kept, without a final slash; `nil`: nowhere.
    package var stateDirectory: String?

    /// The defaults.
    package init() {}

    /// The names of what differs and only a start can change.
    func fixedNames(differingFrom other: Self) -> [String] {
        var names = TelemetryConfig.sizes.filter { self[keyPath: $0.path] != other[keyPath: $0.path] }.map(\.name)
        if self.stateDirectory != other.stateDirectory { names.append("state_dir") }
        return names
    }
}

/// What config/telemetry and config/state_dir say.
package struct TelemetryConfig: Sendable {
    struct Size: Sendable {
        let name: String
        let path: any WritableKeyPath<TelemetrySettings, Int> & Sendable
        let range: ClosedRange<UInt64>
    }

    /// Every file that is read.
    static let names = ["telemetry", "state_dir"]

    static let sizes = [
        Size(name: "trails_memory", path: \.trailsMemory, range: 1 << 20...1 << 30),
        Size(name: "trails_disk", path: \.trailsDisk, range: 0...1 << 40),
        Size(name: "trails_days", path: \.trailsDays, range: 1...3650),
        Size(name: "log_lines", path: \.logLines, range: 256...1 << 20),
    ]

    package private(set) var settings = TelemetrySettings()
    package private(set) var problems: [ConfigProblem] = []
    private var lines: [String: ConfigLine] = [:]

    package init(_ directory: ConfigDirectory) {
        self.init(reading: directory.read)
    }

    /// - Parameter read: gives a file's content; the configuration's own cache.
    init(reading read: (String) -> ConfigContent) {
        let content = read("telemetry")
        self.problems = content.problems
        for line in content.lines { self.read(line) }
        self.readStateDirectory(read("state_dir"))
    }

    private mutating func read(_ line: ConfigLine) {
        let words = line.words
        let names = ["privacy"] + Self.sizes.map(\.name)
        guard let name = words.first, names.contains(name) else {
            let name = words.first ?? line.text
            let nearest = EditDistance.nearest(to: name, in: names).map { " (did you mean \($0)?)" } ?? ""
            self.problems.append(.error("there is no setting '\(name)'\(nearest)", at: line))
            return
        }
        guard words.count == 2 else {
            self.problems.append(.error("\(name) needs one value", at: line))
            return
        }
        if let former = self.lines.updateValue(line, forKey: name) {
            self.problems.append(
                .warning("\(name) was set in line \(former.number) already; this one counts", at: line))
        }
        if let text = self.set(name, words[1]) {
            self.problems.append(.error("\(name): '\(words[1])' is \(text)", at: line))
        }
    }

    /// What is wrong with the value, if anything is.
    private mutating func set(_ name: String, _ text: String) -> String? {
        guard let size = Self.sizes.first(where: { $0.name == name }) else {
            guard let privacy = TelemetrySettings.Privacy(rawValue: text) else {
                let names = TelemetrySettings.Privacy.allCases.map(\.rawValue).joined(separator: ", ")
                return "none of \(names)"
            }
            self.settings.privacy = privacy
            return nil
        }
        guard let number = ConfigNumber.size(text) else {
            return "no number (with k, M or G after it if wanted)"
        }
        guard size.range.contains(number) else {
            return "not within \(size.range.lowerBound) and \(size.range.upperBound)"
        }
        self.settings[keyPath: size.path] = Int(number)
        return nil
    }

    private mutating func readStateDirectory(_ content: ConfigContent) {
        self.problems += content.problems
        guard let line = content.lines.first else { return }
        if content.lines.count > 1 {
            self.problems.append(.warning("only the first line counts", at: content.lines[1]))
        }
        guard line.text.hasPrefix("/"), SystemCall.isPath(line.text) else {
            self.problems.append(.error("'\(line.text)' is no absolute path", at: line))
            return
        }
        var path = line.text
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.settings.stateDirectory = path
    }
}
