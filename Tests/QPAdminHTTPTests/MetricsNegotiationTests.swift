// MetricsNegotiationTests.swift
//
// RFC 9110 §12.5.1 (Accept)

import QPAdminHTTP
import Testing

@Suite("metrics: which format")
struct MetricsNegotiationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let accept: String?
        let format: MetricsText.Format

        init(_ testDescription: String, _ accept: String?, _ format: MetricsText.Format) {
            self.testDescription = testDescription
            self.accept = accept
            self.format = format
        }
    }

    @Test(arguments: [
        Case("no field", nil, .prometheus), Case("an empty field", "", .prometheus),
        Case("anything", "*/*", .prometheus), Case("a browser", "text/html,*/*;q=0.8", .prometheus),
        Case("only something else", "image/png", .prometheus),
        Case("OpenMetrics", "application/openmetrics-text", .openMetrics),
        Case("its version", "application/openmetrics-text;version=1.0.0", .openMetrics),
        Case("its version in quotes", "application/openmetrics-text; version=\"1.0.0\"", .openMetrics),
        Case("another version of it", "application/openmetrics-text;version=0.0.1", .prometheus),
        Case(
            "letters and spaces", " Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.5 , text/plain;q=0.4",
            .openMetrics),
        Case(
            "Prometheus 2",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics),
        Case(
            "Prometheus 3",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
                + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            .openMetrics),
        Case("text preferred", "text/plain;version=0.0.4,application/openmetrics-text;q=0.9", .prometheus),
        Case("text preferred by a thousandth", "application/openmetrics-text;q=0.998,text/plain;q=0.999", .prometheus),
        Case("both alike", "application/openmetrics-text,text/plain", .prometheus),
        Case("named, beside anything", "*/*, application/openmetrics-text", .openMetrics),
        Case("refused, beside anything", "application/openmetrics-text;q=0, */*", .prometheus),
        Case("refused by version, beside all applications", "application/*;q=0.9, text/*;q=0.1", .openMetrics),
        Case("text refused, anything else", "text/plain;q=0, */*;q=0.5", .openMetrics),
        Case("nothing at all", "*/*;q=0", .prometheus),
        Case("a quality beyond 1", "application/openmetrics-text;q=1.5, text/plain;q=0.1", .prometheus),
        Case("a quality that is none", "application/openmetrics-text;q=high", .prometheus),
        Case("too many decimals", "application/openmetrics-text;q=0.1234", .prometheus),
        Case("a quality of 0.", "application/openmetrics-text;q=0.", .prometheus),
        Case("odd pieces", ";;,,=;q,application/openmetrics-text;;q=1.000", .openMetrics),
    ])
    func formats(_ row: Case) {
        #expect(MetricsText.format(accept: row.accept) == row.format)
    }

    @Test func aLongField() {
        let many = String(repeating: "text/html,", count: 10_000)
        #expect(MetricsText.format(accept: many + "application/openmetrics-text") == .prometheus)
    }
}
