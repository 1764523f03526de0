// MetricsFamily.swift
//
// What a family of metrics is: its name, labels and meaning, and where its numbers come from.

import QPTelemetry

/// A family of metrics.
package struct MetricsFamily: Sendable {
    /// What kind of number it is.
    package enum Kind: String, Sendable {
        case counter, gauge, histogram, summary
        /// 1, under labels that tell something. The text format of Prometheus calls it a gauge.
        case info
    }

    /// A label.
    package struct Label: Sendable, Hashable {
        package var name: String
        /// All values, if they are a closed set: then each of them is there from 0 on. Empty: any.
        package var values: [String]

        /// A label.
        init(_ name: String, _ values: [String] = []) {
            self.name = name
            self.values = values
        }
    }

    /// Where the numbers come from.
    enum Content: Sendable {
        /// One, without labels.
        case number(@Sendable (MetricsSnapshot) -> Double)
        /// Some under labels, as many as `labels` has.
        case labelled(@Sendable (MetricsSnapshot) -> [MetricsSnapshot.Labelled])
        case histogram(@Sendable (MetricsSnapshot) -> Histogram?)
        /// Of each plugin on each hook: as many as the last label has values, or one if that is `hook`.
        case pairs(@Sendable (MetricsPlan.Pair) -> [Double])
        /// Of each plugin: likewise.
        case plugins(@Sendable (MetricsSnapshot.PluginState) -> [Double])
        /// Durations of each plugin on each hook.
        case latencies
        /// The number of series that were left out.
        case dropped
    }

    /// As it stands in the text format of Prometheus: counters end in `_total`, infos in `_info`.
    package let name: String
    package let kind: Kind
    package let labels: [Label]
    package let help: String
    let content: Content

    /// A family.
    init(_ kind: Kind, _ name: String, _ labels: [Label], _ help: String, _ content: Content) {
        self.name = name
        self.kind = kind
        self.labels = labels
        self.help = help
        self.content = content
    }

    /// A family without labels.
    init(_ kind: Kind, _ name: String, _ help: String, _ content: Content) {
        self.init(kind, name, [], help, content)
    }

    /// The name that OpenMetrics declares.
    var openName: String {
        switch self.kind {
        case .counter: self.name.withoutSuffix("_total")
        case .info: self.name.withoutSuffix("_info")
        case .gauge, .histogram, .summary: self.name
        }
    }

    /// `seconds` or `bytes`, if it is one of them.
    var unit: String? { ["seconds", "bytes"].first { self.openName.hasSuffix("_" + $0) } }

    /// Of the last label, each value as it is written; an empty text alone if it is not a closed set.
    var lastLabels: [String] {
        guard let last = self.labels.last, !last.values.isEmpty else { return [""] }
        return last.values.map { MetricsWriter.label(last.name, $0) }
    }
}

extension MetricsFamily.Label {
    static let plugin = Self("plugin")
    static let hook = Self("hook")
    static let listener = Self("listener")
    static let backend = Self("backend")
    static let stream = Self("stream")
    static let kind = Self("kind")
    static let phase = Self("phase", SessionPhase.allCases.map(\.rawValue))
    static let mailResult = Self("result", ["queued", "rejected", "deferred"])
}

extension String {
    fileprivate func withoutSuffix(_ suffix: String) -> String {
        self.hasSuffix(suffix) ? String(self.dropLast(suffix.count)) : self
    }
}
