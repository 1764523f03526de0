// MetricsTable.swift
//
// The rows of a family that does not go by plugin: one for each set of labels, and not too many.

import QPTelemetry

/// A family with its rows; those that go by plugin have theirs in `MetricsPlan`.
struct MetricsTable {
    /// A number under labels as they are written.
    struct Row {
        var labels: String
        var value: Double
    }

    /// Rows of one family: sixteen listeners by phase have 128, a machine may have as many event loops.
    static let rowLimit = 160

    let family: MetricsFamily
    private(set) var rows: [Row] = []
    private(set) var histogram: MetricsHistogram?
    /// Rows that were left out.
    private(set) var dropped = 0

    init(_ family: MetricsFamily, of snapshot: MetricsSnapshot) {
        self.family = family
        switch family.content {
        case .number(let value):
            self.add([Row(labels: "", value: value(snapshot))])
        case .labelled(let values):
            let found = values(snapshot)
            self.add(
                found.map { Row(labels: MetricsWriter.labels(family.labels, $0.labels), value: $0.value) }
                    + Self.zeroes(family.labels, beside: found))
        case .histogram(let value):
            self.histogram = value(snapshot).map(MetricsHistogram.init)
        case .pairs, .plugins, .latencies, .dropped: break
        }
    }

    /// How many series this is.
    var seriesCount: Int {
        if case .dropped = self.family.content { return 1 }
        return self.rows.count + (self.histogram?.seriesCount ?? 0)
    }

    /// What is unknown or infinite is left out. Of the same labels twice, counters add up and the greater gauge stays.
    private mutating func add(_ rows: [Row]) {
        let isCounter = self.family.kind == .counter
        var places: [String: Int] = [:]
        for row in rows where row.value.isFinite {
            let value = isCounter ? max(0, row.value) : row.value
            if let place = places[row.labels] {
                let known = self.rows[place].value
                self.rows[place].value = isCounter ? min(known + value, .greatestFiniteMagnitude) : max(known, value)
            } else {
                places[row.labels] = self.rows.count
                self.rows.append(Row(labels: row.labels, value: value))
            }
        }
        let all = self.rows.count
        self.rows = self.rows.greatest(Self.rowLimit) { $0.value }
        self.dropped += all - self.rows.count
    }

    /// Rows of 0 for the values of closed sets, beside each value of other labels that was seen: a rate needs a series
    /// that was there before the first count.
    private static func zeroes(
        _ labels: [MetricsFamily.Label], beside found: [MetricsSnapshot.Labelled]
    ) -> [Row] {
        guard labels.contains(where: { !$0.values.isEmpty }) else { return [] }
        var sets: [[String]] = [[]]
        for (index, label) in labels.enumerated() {
            var values = label.values
            if values.isEmpty {
                for row in found where index < row.labels.count && !values.contains(row.labels[index]) {
                    values.append(row.labels[index])
                    if values.count == Self.rowLimit { break }
                }
            }
            sets = sets.flatMap { set in values.map { set + [$0] } }
        }
        return sets.map { Row(labels: MetricsWriter.labels(labels, $0), value: 0) }
    }
}

extension Array {
    /// Those with the greatest ranks, in their own order.
    func greatest<Rank: Comparable>(_ limit: Int, by rank: (Element) -> Rank) -> [Element] {
        guard self.count > limit else { return self }
        let ranked = self.enumerated().map { (offset: $0.offset, rank: rank($0.element)) }
            .sorted { $0.rank > $1.rank || ($0.rank == $1.rank && $0.offset < $1.offset) }
        return ranked.prefix(Swift.max(0, limit)).map(\.offset).sorted().map { self[$0] }
    }
}
