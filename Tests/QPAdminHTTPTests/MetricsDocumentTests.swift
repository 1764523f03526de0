// MetricsDocumentTests.swift
//
// docs/metrics.md tells of every family that is written, and of no other.

import Foundation
import QPAdminHTTP
import QPTelemetry
import Testing

@Suite("metrics: documentation")
struct MetricsDocumentTests {
    @Test func table() throws {
        let top = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL
        let text = try String(contentsOf: top.appending(path: "docs/metrics.md"), encoding: .utf8)
        let documented = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
        let written = Self.rows(Exposition(MetricsText.render(MetricsSample.full, as: .prometheus)))
        #expect(documented == written)
    }

    /// What the table says, read from what is written.
    private static func rows(_ read: Exposition) -> [String] {
        read.order.map { name in
            let family = read.families[name] ?? Exposition.Family()
            var labels: [String] = []
            for sample in read.samples where sample.family == name {
                for label in sample.labels where label.name != "le" && !labels.contains(label.name) {
                    labels.append(label.name)
                }
            }
            let listed = labels.map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(name)` | \(family.type) | \(listed) | \(family.help ?? "") |"
        }
    }
}
