// MetricsSample.swift
//
// Snapshots to write metrics of, and a strict reader of what was written.

import QPTelemetry

/// Snapshots.
enum MetricsSample {
    /// Everything is there, by names that are hard to write.
    static let full: MetricsSnapshot = {
        var snapshot = Self.plugins(pairs: 6)
        snapshot.version = "1.2.3"
        snapshot.plugins.append(.init(name: Self.oddName, breaker: "half_open", mode: "shadow", stragglers: 2))
        snapshot.hooks.append(Self.statistics(Self.oddName, "data_post", runs: 40))
        snapshot.hookInFlight = [.init([Self.oddName, "data_post"], 3)]
        Self.fillTraffic(&snapshot)
        Self.fillState(&snapshot)
        return snapshot
    }()

    static let oddName = "queue/\"smtp\"\\forward\nα"

    private static func fillTraffic(_ snapshot: inout MetricsSnapshot) {
        snapshot.sessions = [.init(["127.0.0.1:25", "data"], 4), .init(["[::1]:25", "idle"], 1)]
        snapshot.sessionsLimit = 3_000
        snapshot.connections = [.init(["127.0.0.1:25", "accepted"], 1_000_000), .init(["127.0.0.1:25", "banned"], 7)]
        snapshot.disconnects = [.init(["mail", "client"], 12)]
        snapshot.commands = [.init(["ehlo"], 9), .init(["other"], 2)]
        snapshot.messages = [.init(["queued"], 30)]
        snapshot.recipients = [.init(["accepted"], 35)]
        snapshot.deliveries = [.init(["maildir"], 1), .init(["smtp-forward", "queued"], 29)]
        snapshot.replies = [.init(["250"], 123_456_789), .init(["421"], 1)]
        snapshot.messageSizes = Histogram(
            bounds: [1_024, 65_536, 1_048_576, 10_000_000], counts: [1, 20, 8, 0, 1], sum: 3e7)
        snapshot.sessionDurations = Histogram(bounds: [0.1, 1, 10, 100], counts: [5, 4, 3, 2, 1], sum: 512.25)
        snapshot.admissionWaits = Histogram(bounds: [0.001, 0.5], counts: [900, 99, 1], sum: 12.5)
        snapshot.receivedOctets = 1 << 40
        snapshot.messageOctets = 99
        snapshot.bareNewlineWarnings = 1
        snapshot.handshakes = [.init(["ok"], 12), .init(["timeout"], 2)]
        snapshot.ciphers = [.init(["TLSv1.3", "TLS_AES_128_GCM_SHA256"], 12)]
        snapshot.externalRequests = [.init(["dns", "ok"], 10), .init(["dns", "timeout"], 1)]
        snapshot.externalInFlight = [.init(["dns"], 2)]
        snapshot.bans = 3
        snapshot.banHits = 8
    }

    private static func fillState(_ snapshot: inout MetricsSnapshot) {
        snapshot.loopLag = [.init(["0"], 0.000_012), .init(["1"], 0.25)]
        snapshot.generation = 4
        snapshot.lastReloadSuccess = 1_760_000_000.5
        snapshot.lastReloadSucceeded = false
        snapshot.reloads = [.init(["ok"], 3)]
        snapshot.certificateExpiry = [.init(["admin"], 1_790_000_000)]
        snapshot.watchers = [.init(["logs"], 2)]
        snapshot.watchersLost = [.init(["logs"], 17)]
        snapshot.isDraining = true
        snapshot.process.cpuSeconds = 12.34
        snapshot.process.residentOctets = 123_456_789
        snapshot.process.virtualOctets = 12_345_678_900
        snapshot.process.openDescriptors = 64
        snapshot.process.maxDescriptors = 1_024
        snapshot.process.startTime = 1_760_000_000.25
        snapshot.process.threads = 9
    }

    /// Plugins on ten hooks each; those that come later ran more often.
    static func plugins(pairs: Int) -> MetricsSnapshot {
        var snapshot = MetricsSnapshot()
        for number in 0..<pairs {
            let name = "plugin\(number / 10)"
            snapshot.hooks.append(Self.statistics(name, "hook\(number % 10)", runs: UInt64(number)))
            guard number % 10 == 0 else { continue }
            snapshot.plugins.append(.init(name: name, breaker: "closed", mode: "on", stragglers: 0))
        }
        return snapshot
    }

    /// Runs of all durations there are.
    static func statistics(_ plugin: String, _ hook: String, runs: UInt64) -> HookStatistics {
        var statistics = HookStatistics(plugin: plugin, hook: hook)
        for run in 0..<runs {
            statistics.verdicts[Int(run % 7)] += 1
            statistics.latencies[Int((run * 37) % UInt64(LatencyScale.count))] += 1
            statistics.nanoseconds += 1_000_000
        }
        return statistics
    }
}

/// What was written.
struct Exposition {
    struct Family {
        var type = ""
        var unit: String?
        var help: String?
    }

    struct Sample {
        var family: String
        var name: String
        var labels: [(name: String, value: String)]
        var text: String

        var value: Double { Double(self.text == "+Inf" ? "inf" : self.text) ?? .nan }
        func label(_ name: String) -> String? { self.labels.first { $0.name == name }?.value }
    }

    private(set) var families: [String: Family] = [:]
    private(set) var order: [String] = []
    private(set) var samples: [Sample] = []
    /// What is wrong: a line that is none, a sample outside its family, a series that was there before.
    private(set) var faults: [String] = []
    private(set) var isEnded = false
    private var seen: Set<String> = []

    init(_ text: String) {
        if !text.hasSuffix("\n") { self.faults.append("the last line does not end") }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if self.isEnded { self.faults.append("after the end: \(line)") }
            if line.hasPrefix("#") { self.declare(line) } else { self.add(line) }
        }
    }

    func samples(_ name: String) -> [Sample] { self.samples.filter { $0.name == name } }

    private mutating func declare(_ line: Substring) {
        if line == "# EOF" {
            self.isEnded = true
            return
        }
        let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4 else { return self.faults.append("no declaration: \(line)") }
        let name = words[2]
        if self.families[name] == nil {
            self.families[name] = Family()
            self.order.append(name)
        }
        if self.order.last != name { self.faults.append("declared in two places: \(line)") }
        switch words[1] {
        case "TYPE": self.families[name]?.type = words[3]
        case "UNIT": self.families[name]?.unit = words[3]
        case "HELP": self.families[name]?.help = words[3]
        default: self.faults.append("no declaration: \(line)")
        }
    }

    private mutating func add(_ line: Substring) {
        var reader = SampleReader(line)
        guard let (name, labels, value) = reader.read() else { return self.faults.append("no sample: \(line)") }
        guard let family = self.order.last else { return self.faults.append("no family: \(line)") }
        let suffixes = ["", "_total", "_info", "_bucket", "_sum", "_count"]
        if !suffixes.contains(where: { family + $0 == name }) { self.faults.append("not of \(family): \(line)") }
        let key = name + labels.map { "\u{1}\($0.name)\u{2}\($0.value)" }.sorted().joined()
        if !self.seen.insert(key).inserted { self.faults.append("twice: \(line)") }
        let sample = Sample(family: family, name: name, labels: labels, text: value)
        if !sample.value.isFinite { self.faults.append("no finite value: \(line)") }
        self.samples.append(sample)
    }
}

/// Reads one line: `NAME{LABEL="VALUE",...} VALUE`.
private struct SampleReader {
    private var rest: Substring.UnicodeScalarView

    init(_ line: Substring) { self.rest = line.unicodeScalars }

    mutating func read() -> (name: String, labels: [(name: String, value: String)], value: String)? {
        guard let name = self.word() else { return nil }
        var labels: [(name: String, value: String)] = []
        if self.take("{") {
            repeat {
                guard let label = self.word(), self.take("="), self.take("\""), let value = self.quoted()
                else { return nil }
                labels.append((label, value))
            } while self.take(",")
            guard self.take("}") else { return nil }
        }
        guard self.take(" ") else { return nil }
        let value = String(self.rest)
        guard !value.isEmpty, value.utf8.allSatisfy({ "+-.0123456789einfI".utf8.contains($0) }) else { return nil }
        return (name, labels, value)
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard self.rest.first == scalar else { return false }
        self.rest.removeFirst()
        return true
    }

    private mutating func word() -> String? {
        let word = self.rest.prefix { ("a"..."z").contains($0) || ("0"..."9").contains($0) || $0 == "_" }
        self.rest = self.rest.dropFirst(word.count)
        return word.isEmpty ? nil : String(word)
    }

    private mutating func quoted() -> String? {
        var value = String.UnicodeScalarView()
        while let scalar = self.rest.popFirst() {
            switch scalar {
            case "\"": return String(value)
            case "\\":
                switch self.rest.popFirst() {
                case "n": value.append("\n")
                case "\\": value.append("\\")
                case "\"": value.append("\"")
                default: return nil
                }
            case "\u{0}"..<" ", "\u{7f}"..."\u{9f}": return nil
            default: value.append(scalar)
            }
        }
        return nil
    }
}
