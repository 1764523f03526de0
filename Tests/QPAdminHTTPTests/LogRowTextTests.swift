// LogRowTextTests.swift
//
// Lines of the log are written as the encoder writes them.

import FoundationEssentials
import NIOCore
import QPTelemetry
import Testing

@testable import QPAdminHTTP

struct LogRowTextTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let name: String
        let row: LogRow

        var testDescription: String { self.name }

        init(_ name: String, _ change: (inout LogRow) -> Void) {
            var row = LogRow(sequence: 17, time: 1_795_455_097.639_422_2, level: "LOGINFO", text: "plain")
            change(&row)
            self.name = name
            self.row = row
        }
    }

    static let rows = [
        Row("a plain line") { _ in },
        Row("everything") {
            $0.plugin = "queue/maildir"
            $0.hook = "queue"
            $0.session = "k3f9x2m7q4ta"
            $0.transaction = 2
            $0.fields = ["ip": "192.0.2.1", "By": "client", "a": "", "from": "<a@b.example>"]
        },
        Row("every octet of ASCII") { $0.text = String(decoding: UInt8(0)...127, as: UTF8.self) },
        Row("escapes in names and values of fields") { $0.fields = ["a\"b\\c\u{1B}": "\r\n\t\u{8}\u{C}/"] },
        Row("more than ASCII") { $0.text = "äß日本\u{2028}\u{2029}\u{85}\u{9B}🙂\u{FEFF}<img src=x>" },
        Row("a whole second") { $0.time = 1_795_455_097 },
        Row("the beginning") { $0.time = 0 },
        Row("before the beginning") { $0.time = -0.5 },
        Row("a very late time") { $0.time = 1e300 },
        Row("a very small time") { $0.time = .leastNonzeroMagnitude },
        Row("no time") { $0.time = .nan },
        Row("never") { $0.time = .infinity },
        Row("always") { $0.time = -.infinity },
        Row("the last of all lines") { $0.sequence = .max },
    ]

    @Test(arguments: Self.rows)
    func asTheEncoderDoes(_ row: Row) throws {
        var buffer = ByteBuffer()
        row.row.write(to: &buffer)
        let expected = try JSONText.encode(row.row)
        #expect(String(buffer: buffer) == String(buffer: expected))
    }
}
