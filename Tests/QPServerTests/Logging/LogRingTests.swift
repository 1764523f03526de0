// LogRingTests.swift
//
// What the ring keeps, and for how long.

import QPHooks
import QPTelemetry
import Testing

@testable import QPServer

@Suite struct LogRingTests {
    func fill(_ ring: LogRing, _ lines: Int, length: Int = 10) {
        for _ in 0..<lines {
            let event = LoggingEvent.sample(.info, String(repeating: "x", count: length))
            ring.append(event, octets: event.octets, isOrdinary: true)
        }
    }

    struct Bound: CustomTestStringConvertible {
        let testDescription: String
        var lines = 10
        var octets = LogRing.maxOctets
        var logged = 0
        var length = 10
        let kept: Range<UInt64>
    }

    @Test(arguments: [
        Bound(testDescription: "nothing yet", kept: 1..<1),
        Bound(testDescription: "the first line is number 1", logged: 1, kept: 1..<2),
        Bound(testDescription: "just full", logged: 10, kept: 1..<11),
        Bound(testDescription: "the oldest gives way", logged: 11, kept: 2..<12),
        Bound(testDescription: "many times round", logged: 1005, kept: 996..<1006),
        Bound(testDescription: "octets count", octets: 1000, logged: 20, length: 200 - 128, kept: 16..<21),
        Bound(testDescription: "a line beyond all bounds stays alone", octets: 100, logged: 3, kept: 3..<4),
        Bound(testDescription: "a ring has a line at least", lines: 0, logged: 3, kept: 3..<4),
    ])
    func bounds(_ row: Bound) {
        let ring = LogRing(maxLines: row.lines, maxOctets: row.octets)
        self.fill(ring, row.logged, length: row.length)
        #expect(ring.sequences == row.kept)
        let slice = ring.read(from: 1, limit: .max)
        #expect(slice.start == row.kept.lowerBound)
        #expect(slice.lines.count == row.kept.count)
        #expect((slice.overwritten != nil) == (row.kept.lowerBound > 1))
        #expect(ring.octets == row.kept.count * (row.length + 128))
    }

    @Test func slices() {
        let ring = LogRing(maxLines: 10)
        self.fill(ring, 25)
        for (from, limit, start, count): (UInt64, Int, UInt64, Int) in [
            (1, 4, 16, 4), (20, 4, 20, 4), (24, 4, 24, 2), (26, 4, 26, 0), (.max, 4, .max, 0), (16, 0, 16, 0),
        ] {
            let slice = ring.read(from: from, limit: limit)
            #expect(slice.start == start && slice.lines.count == count, "from \(from)")
        }
    }

    @Test func largeLinesAreCut() throws {
        let ring = LogRing()
        let fields = (0..<100).map { (name: "n\($0)" + String(repeating: "n", count: 200), value: "v") }
        let large = (0..<40).map { (name: "n\($0)", value: String(repeating: "é", count: 3000)) }
        for event in [
            LoggingEvent.sample(.info, String(repeating: "é", count: 9000), fields: fields),
            LoggingEvent.sample(.info, "short", fields: large),
        ] { ring.append(event, octets: event.octets, isOrdinary: true) }
        let rows = ring.read(from: 1, limit: 2).lines.map { LogRow(1, $0.event) }
        let long = try #require(rows.first)
        #expect(long.text.utf8.count <= 8192 && long.text.hasSuffix("...(9872 more)"))
        #expect(long.fields.count == 32)
        #expect(long.fields.keys.allSatisfy { $0.utf8.count < 160 })
        #expect(rows.last?.text == "short")
        #expect(rows.last?.fields.count == 5)
        #expect(ring.octets < 8192 + 32 * 200 + 24576 + 2 * 1024)
    }

    @Test func rows() {
        let row = LogRow(
            7,
            .sample(
                .warning, "raw\n<b>", hook: .dataPost, plugin: "queue/qmail-queue", session: 5, transaction: 2,
                fields: [("a", "1"), ("b", "\u{1B}"), ("a", "2")], wallTime: 1_500_000_000))
        #expect(row.sequence == 7 && row.time == 1.5 && row.level == "LOGWARN")
        #expect(row.text == "raw\n<b>")
        #expect(row.plugin == "queue/qmail-queue" && row.hook == "data_post")
        #expect(row.session == "\(SessionID(bits: 5))" && row.transaction == 2)
        #expect(row.fields == ["a": "2", "b": "\u{1B}"])
    }
}
