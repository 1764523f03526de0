// MetricsTextTests.swift
//
// Metrics in both formats: every line, escapes, numbers, histograms, how many series.

import QPAdminHTTP
import QPTelemetry
import Testing

@Suite("metrics: text")
struct MetricsTextTests {
    @Test(arguments: MetricsText.Format.allCases)
    func everyLineReads(_ format: MetricsText.Format) {
        let read = Exposition(MetricsText.render(MetricsSample.full, as: format))
        #expect(read.faults == [])
        #expect(read.isEnded == (format == .openMetrics))
        for family in MetricsFamily.all {
            #expect(read.samples.contains { $0.name.hasPrefix(family.name) }, "\(family.name)")
        }
        for (name, family) in read.families {
            #expect(family.help?.isEmpty == false, "\(name)")
            #expect(["counter", "gauge", "histogram", "info"].contains(family.type), "\(name)")
            if let unit = family.unit { #expect(name.hasSuffix("_" + unit)) }
        }
    }

    @Test func nothingIsKnownYet() {
        for format in MetricsText.Format.allCases {
            let read = Exposition(MetricsText.render(MetricsSnapshot(), as: format))
            #expect(read.faults == [])
            #expect(read.samples("qpserver_messages_total").map(\.text) == ["0", "0", "0"])
            #expect(read.samples("qpserver_draining").map(\.text) == ["0"])
            #expect(read.samples("qpserver_message_size_bytes_count").isEmpty)
        }
    }

    @Test func declarations() throws {
        let plain = Exposition(MetricsText.render(MetricsSample.full, as: .prometheus))
        let open = Exposition(MetricsText.render(MetricsSample.full, as: .openMetrics))
        #expect(plain.families["qpserver_commands_total"]?.type == "counter")
        #expect(open.families["qpserver_commands"]?.type == "counter")
        #expect(plain.families["qpserver_build_info"]?.type == "gauge")
        #expect(open.families["qpserver_build"]?.type == "info")
        #expect(open.families["process_cpu_seconds"]?.unit == "seconds")
        #expect(open.families["qpserver_received_bytes"]?.unit == "bytes")
        #expect(open.families["qpserver_sessions"]?.unit == nil)
        #expect(plain.families.values.allSatisfy { $0.unit == nil })
        #expect(open.samples.count == plain.samples.count)
        #expect(MetricsText.Format.openMetrics.contentType.hasPrefix("application/openmetrics-text; version=1.0.0"))
        #expect(MetricsText.Format.prometheus.contentType.hasPrefix("text/plain; version=0.0.4"))
    }

    @Test(arguments: [
        EscapeCase("quote", "a\"b", #"a\"b"#), EscapeCase("backslash", #"a\n"#, #"a\\n"#),
        EscapeCase("newline", "a\nb", #"a\nb"#), EscapeCase("carriage return and newline", "a\r\nb", "a\u{fffd}\\nb"),
        EscapeCase("control", "\u{1b}[1m\u{0}\u{7f}\u{9b}", "\u{fffd}[1m\u{fffd}\u{fffd}\u{fffd}"),
        EscapeCase("other letters", "ü{x=\"1\"} 2", #"ü{x=\"1\"} 2"#), EscapeCase("nothing", "", ""),
    ])
    func escapes(_ row: EscapeCase) {
        var snapshot = MetricsSnapshot()
        snapshot.plugins = [.init(name: row.name, breaker: "open", mode: "on", stragglers: 5)]
        for format in MetricsText.Format.allCases {
            let text = MetricsText.render(snapshot, as: format)
            #expect(text.contains("\nqpserver_plugin_stragglers{plugin=\"\(row.written)\"} 5\n"))
            #expect(Exposition(text).faults == [])
        }
    }

    @Test(arguments: [
        NumberCase(0, "0"), NumberCase(-0.0, "0"), NumberCase(1, "1"), NumberCase(1e6, "1000000"),
        NumberCase(123_456_789_012_345, "123456789012345"), NumberCase(1e19, "10000000000000000000"),
        NumberCase(-3, "-3"), NumberCase(0.25, "0.25"), NumberCase(0.000_012, "1.2e-05"),
        NumberCase(1_760_000_000.5, "1760000000.5"), NumberCase(.nan, nil), NumberCase(.infinity, nil),
        NumberCase(-.infinity, nil),
    ])
    func numbers(_ row: NumberCase) {
        var snapshot = MetricsSnapshot()
        snapshot.sessionsLimit = row.value
        let read = Exposition(MetricsText.render(snapshot, as: .prometheus))
        #expect(read.faults == [])
        #expect(read.samples("qpserver_sessions_limit").map(\.text) == (row.text.map { [$0] } ?? []))
    }

    @Test func labelsTwiceAndLabelsMissing() {
        var snapshot = MetricsSnapshot()
        snapshot.commands = [.init(["mail"], 2), .init(["mail"], 3), .init(["mail"], .nan), .init(["mail"], -9)]
        snapshot.loopLag = [.init(["0"], 2), .init(["0"], 1)]
        snapshot.deliveries = [.init([], 1), .init(["a", "queued", "b"], 2)]
        snapshot.hooks = [
            MetricsSample.statistics("p", "h", runs: 8), MetricsSample.statistics("p", "h", runs: 2),
        ]
        snapshot.hooks[1].verdicts = [1]
        snapshot.plugins = [
            .init(name: "p", breaker: "strange", mode: "off", stragglers: 1),
            .init(name: "p", breaker: "open", mode: "on", stragglers: 2),
        ]
        let read = Exposition(MetricsText.render(snapshot, as: .openMetrics))
        #expect(read.faults == [])
        #expect(read.samples("qpserver_commands_total").first { $0.label("verb") == "mail" }?.text == "5")
        #expect(read.samples("qpserver_event_loop_lag_seconds").map(\.text) == ["2"])
        let ofA = read.samples("qpserver_deliveries_total").filter { $0.label("backend") == "a" }
        #expect(ofA.map { $0.label("result") } == ["queued", "rejected", "deferred"])
        #expect(ofA.map(\.text) == ["2", "0", "0"])
        #expect(read.samples("qpserver_plugin_breaker_state").map(\.text) == ["0", "0", "0"])
        #expect(read.samples("qpserver_plugin_mode").map(\.text) == ["0", "0", "1"])
    }

    @Test func everyVerdictFromTheStart() {
        var snapshot = MetricsSnapshot()
        snapshot.hooks = [HookStatistics(plugin: "rhsbl", hook: "mail")]
        snapshot.hookInFlight = [.init(["dnsbl", "connect"], 2)]
        let read = Exposition(MetricsText.render(snapshot, as: .prometheus))
        for (plugin, hook) in [("rhsbl", "mail"), ("dnsbl", "connect")] {
            let runs = read.samples("qpserver_hook_runs_total").filter { $0.label("plugin") == plugin }
            #expect(runs.map { $0.label("verdict") } == HookRow.verdictNames)
            #expect(runs.allSatisfy { $0.text == "0" && $0.label("hook") == hook })
        }
        #expect(read.samples("qpserver_hook_in_flight").map(\.text) == ["0", "2"])
        #expect(read.samples("qpserver_hook_errors_total").map { $0.label("kind") }.prefix(2) == ["error", "timeout"])
    }
}

struct EscapeCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let name: String
    let written: String

    init(_ testDescription: String, _ name: String, _ written: String) {
        self.testDescription = testDescription
        self.name = name
        self.written = written
    }
}

struct NumberCase: Sendable, CustomTestStringConvertible {
    let value: Double
    let text: String?
    var testDescription: String { "\(self.value)" }

    init(_ value: Double, _ text: String?) {
        self.value = value
        self.text = text
    }
}
