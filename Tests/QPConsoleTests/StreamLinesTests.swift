// StreamLinesTests.swift
//
// Octets to lines, lines to rows.

import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct LineSplitterTests {
    @Test(
        arguments: [
            (["a\nb\n"], ["a", "b"], 0), (["a", "b", "\n", "c"], ["ab"], 0), (["\n\n", "\r\n", "a\r\n"], ["a"], 0),
            (["12345678\n"], ["12345678"], 0), (["123456789\n", "a\n"], ["a"], 1),
            (["1234", "56789", "0\nb\n"], ["b"], 1),
            (["123456789\n123456789\n"], [], 2), (["12345678", "\n"], ["12345678"], 0), (["123456789"], [], 0),
            ([], [], 0),
        ] as [([String], [String], UInt64)])
    func lines(_ pieces: [String], _ lines: [String], _ lost: UInt64) {
        var splitter = LineSplitter(limit: 8)
        let found = pieces.flatMap { splitter.take(Array($0.utf8)) }
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == lines)
        #expect(splitter.takeLost() == lost)
        #expect(splitter.takeLost() == 0)
    }

    @Test func everyPlaceToCut() {
        let text = Array("{\"a\":1}\n\n{\"b\":\"é\"}\r\n".utf8)
        for cut in 0...text.count {
            var splitter = LineSplitter()
            let lines = splitter.take(text[..<cut]) + splitter.take(text[cut...])
            #expect(lines == [Array("{\"a\":1}".utf8), Array("{\"b\":\"é\"}".utf8)])
        }
    }
}

@Suite struct LogBatchTests {
    static func line(_ sequence: Int) -> [UInt8] {
        Array(
            #"{"fields":{"ip":"192.0.2.1"},"level":"LOGINFO","sequence":\#(sequence),"text":"x","time":1.5,"transaction":0}"#
                .utf8)
    }

    private static func next(_ batch: inout LogBatch) -> LogBatch.Portion {
        let (lines, lost) = batch.take()
        return LogBatch.read(lines, lost: lost)
    }

    @Test func rowsAndLosses() {
        var batch = LogBatch()
        #expect(batch.isEmpty)
        batch.append(Self.line(1))
        batch.append(Array(#"{"lost":12}"#.utf8))
        batch.append(Array(#"{"lost":"?"}"#.utf8))
        batch.append(Array("garbage".utf8))
        batch.append(Array(#"{"sequence":3}"#.utf8))
        batch.append(Self.line(2))
        batch.addLost(3)
        let portion = Self.next(&batch)
        #expect(portion.rows.map(\.sequence) == [1, 2])
        #expect(portion.rows.first?.fields == ["ip": "192.0.2.1"])
        #expect(portion.lost == 12 + 1 + 1 + 1 + 3)
        #expect(batch.isEmpty)
    }

    @Test func portionsAreBounded() {
        var batch = LogBatch()
        for number in 0..<1201 { batch.append(Self.line(number)) }
        #expect(Self.next(&batch).rows.count == 500)
        #expect(Self.next(&batch).rows.last?.sequence == 999)
        #expect(!batch.isEmpty)
        #expect(Self.next(&batch).rows.count == 201)
        #expect(batch.isEmpty)
    }

    @Test func theOldestMakeRoom() {
        var batch = LogBatch()
        for number in 0..<7000 { batch.append(Self.line(number)) }
        let first = Self.next(&batch)
        #expect(first.lost == 5000)
        #expect(first.rows.first?.sequence == 5000)
        var rows = first.rows
        while !batch.isEmpty { rows += Self.next(&batch).rows }
        #expect(rows.map(\.sequence) == Array(5000..<7000))
    }

    @Test func octetsAreBounded() {
        var batch = LogBatch()
        let large = [UInt8](repeating: 0x20, count: 1 << 20)
        for _ in 0..<40 { batch.append(large) }
        #expect(batch.take().lost == 36)
    }
}

@Suite struct BackoffTests {
    @Test func grows() {
        var backoff = Backoff()
        #expect((0..<7).map { _ in backoff.next() } == [0.5, 1, 2, 4, 5, 5, 5])
        backoff.reset()
        #expect(backoff.next() == 0.5)
        backoff.exhaust()
        #expect(backoff.next() == 5)
    }

    @Test(arguments: [(1.0, 1.0), (0, 0.1), (-1, 0.1), (.nan, 1), (.infinity, 1), (1e9, 3600)])
    func intervals(_ wanted: Double, _ used: Double) {
        #expect(LinkWish(needs: [], streams: [], interval: wanted).pause == .seconds(used))
    }
}
