// MetricsText.swift
//
// A server's numbers as Prometheus and OpenMetrics read them.

package import QPTelemetry

/// Writes metrics for a scraper. Whatever the server holds, there are at most `seriesLimit` series.
package struct MetricsText {
    /// How metrics are written.
    package enum Format: Sendable, Hashable, CaseIterable {
        /// The text format of Prometheus, version 0.0.4.
        case prometheus
        /// OpenMetrics 1.0.0.
        case openMetrics

        /// The value of Content-Type.
        package var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// Series in one answer. A bucket, a sum and a count of a histogram are a series each.
    package static let seriesLimit = 5_000

    /// All families with what a snapshot holds, in the order of `MetricsFamily.all`.
    ///
    /// With many plugins on many hooks, latencies lose buckets first, then all of them (the family is a summary then);
    /// in the end the pairs with the fewest runs are left out. `qpserver_metrics_series_dropped` counts what is missing.
    package static func render(_ snapshot: MetricsSnapshot, as format: Format) -> String {
        let tables = MetricsFamily.all.map { MetricsTable($0, of: snapshot) }
        let used = tables.reduce(0) { $0 + $1.seriesCount }
        let plan = MetricsPlan(snapshot, room: Self.seriesLimit - used)
        let dropped = tables.reduce(plan.dropped) { $0 + $1.dropped }

        var writer = MetricsWriter(format)
        for table in tables {
            Self.write(table, plan: plan, dropped: dropped, to: &writer)
        }
        return writer.finish()
    }

    private static func write(_ table: MetricsTable, plan: MetricsPlan, dropped: Int, to writer: inout MetricsWriter) {
        let family = table.family
        switch family.content {
        case .number, .labelled:
            writer.begin(family)
            for row in table.rows { writer.sample(family.name, row.labels, value: row.value) }
        case .histogram:
            writer.begin(family)
            if let histogram = table.histogram { writer.histogram(family.name, labels: "", histogram) }
        case .pairs(let values):
            writer.begin(family)
            let last = family.lastLabels
            for pair in plan.pairs {
                for (label, value) in zip(last, values(pair)) {
                    writer.sample(family.name, pair.labels, label, value: value)
                }
            }
        case .plugins(let values):
            writer.begin(family)
            let last = family.lastLabels
            for plugin in plan.plugins {
                for (label, value) in zip(last, values(plugin.state)) {
                    writer.sample(family.name, plugin.labels, label, value: value)
                }
            }
        case .latencies:
            writer.begin(family, as: plan.buckets.isEmpty ? .summary : .histogram)
            for pair in plan.pairs {
                writer.histogram(family.name, labels: pair.labels, MetricsHistogram(pair.statistics, plan.buckets))
            }
        case .dropped:
            writer.begin(family)
            writer.sample(family.name, "", value: Double(dropped))
        }
    }
}
