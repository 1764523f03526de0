// MessageTests.swift
//
// Edits beside the untouched original, forms, pieces.

import QPHooks
import QPTestKit
import Testing

@Suite("message")
struct MessageTests {
    static let original = "A: 1\nB: 2\nA: 3\n\nbody\n"

    private func text(_ message: Message, _ form: LineEndForm = .lf) throws -> String {
        String(decoding: try message.bytes(form), as: UTF8.self)
    }

    struct Edits: Sendable {
        let apply: @Sendable (inout Message) -> Void
        init(_ apply: @escaping @Sendable (inout Message) -> Void) { self.apply = apply }
    }

    @Test(
        arguments: [
            Row("none", Edits { _ in }, original),
            Row("top", Edits { $0.addHeader("X", "y", at: 0) }, "X: y\n" + original),
            Row(
                "two on top",
                Edits {
                    $0.addHeader("X", "1", at: 0); $0.addHeader("Y", "2", at: 0)
                }, "Y: 2\nX: 1\n" + original),
            Row("end", Edits { $0.addHeader("X", "y", at: nil) }, "A: 1\nB: 2\nA: 3\nX: y\n\nbody\n"),
            Row("in between", Edits { $0.addHeader("X", "y", at: 1) }, "A: 1\nX: y\nB: 2\nA: 3\n\nbody\n"),
            Row(
                "top, then end",
                Edits {
                    $0.addHeader("X", "1", at: 0); $0.addHeader("Y", "2", at: nil)
                }, "X: 1\nA: 1\nB: 2\nA: 3\nY: 2\n\nbody\n"),
            Row(
                "end, then top",
                Edits {
                    $0.addHeader("Y", "2", at: nil); $0.addTopField(Array("R: x\r\n y\r\n".utf8))
                }, "R: x\n y\nA: 1\nB: 2\nA: 3\nY: 2\n\nbody\n"),
            Row(
                "replace the second of a name", Edits { $0.replaceHeader("a", index: 1, with: "9") },
                "A: 1\nB: 2\nA: 9\n\nbody\n"),
            Row("replace what is not there", Edits { $0.replaceHeader("A", index: 2, with: "9") }, original),
            Row("remove one", Edits { $0.removeHeader("A", index: 0) }, "B: 2\nA: 3\n\nbody\n"),
            Row("remove all", Edits { $0.removeHeader("a", index: nil) }, "B: 2\n\nbody\n"),
            Row("remove a negative one", Edits { $0.removeHeader("A", index: -1) }, original),
            Row(
                "remove everything",
                Edits {
                    $0.removeHeader("A", index: nil); $0.removeHeader("B", index: nil)
                }, "\nbody\n"),
            Row("body", Edits { $0.replaceBody(Array("new\r\n".utf8)) }, "A: 1\nB: 2\nA: 3\n\nnew\n"),
            Row(
                "body and top",
                Edits {
                    $0.replaceBody([]); $0.addHeader("X", "y", at: 0)
                }, "X: y\nA: 1\nB: 2\nA: 3\n\n"),
            Row(
                "body and header",
                Edits {
                    $0.removeHeader("A", index: nil); $0.replaceBody(Array("new\r\n".utf8))
                }, "B: 2\n\nnew\n"),
            Row("no second header through a value", Edits { $0.addHeader("X", "y\r\n\r\nevil", at: 0) }, nil),
            Row("no field without a name", Edits { $0.addHeader("X Y", "y", at: 0) }, original),
        ] as [Row<Edits, String?>])
    func edits(_ row: Row<Edits, String?>) throws {
        for (pieces, isSpooled) in [(1, false), (7, false), (4096, false), (3, true), (4096, true)] {
            var message = Message.test(Self.original, pieces: pieces, spooled: isSpooled)
            row.input.apply(&message)
            let result = try self.text(message)
            if let expected = row.expected {
                #expect(result == expected)
            } else {
                #expect(result.hasSuffix("\n\nbody\n"))
                #expect(result.components("\n\n") == 2)
            }
            #expect(try message.bytes(.wire).count == message.wireSize)
            #expect(try self.cursorBytes(message) == message.bytes(.wire))
            #expect(try self.text(.test(Self.original)) == Self.original, "the original stays")
        }
    }

    private func cursorBytes(_ message: Message) throws -> [UInt8] {
        var cursor = message.cursor
        var bytes: [UInt8] = []
        while let piece = try cursor.next(atMost: 5) { bytes += piece }
        return bytes
    }

    @Test(arguments: [
        Row("no body", "A: 1\r\n", "A: 1\nX: y\n"), Row("blank line only", "\r\n", "X: y\n\n"),
        Row("no header", "\r\nbody\r\n", "X: y\n\nbody\n"), Row("nothing", "", "X: y\n"),
        Row("no field at all", "body\r\nA: 1\r\n\r\nmore\r\n", "X: y\n\nbody\nA: 1\n\nmore\n"),
        Row("a blank first", " body\r\nA: 1\r\n", "X: y\n\n body\nA: 1\n"),
        Row("a blank before the colon", "A : 1\r\n\r\nb\r\n", "A : 1\nX: y\n\nb\n"),
        Row("a name that is none", "A B: 1\r\n", "X: y\n\nA B: 1\n"), Row("no name", ": 1\r\n", "X: y\n\n: 1\n"),
        Row("a mailbox file", "From a@b Thu\r\nA: 1\r\n\r\nb\r\n", "From a@b Thu\nA: 1\nX: y\n\nb\n"),
        Row("no line end", "A: 1", "A: 1\nX: y\n"), Row("LF only", "A: 1\n\nb\n", "A: 1\nX: y\n\nb\n"),
    ])
    func oddMessages(_ row: Row<String, String>) throws {
        var message = Message.test(bytes: Array(row.input.utf8))
        message.addHeader("X", "y", at: nil)
        #expect(try self.text(message) == row.expected)
    }

    @Test(arguments: ["body\r\n", " A: 1\r\n\r\nb\r\n"])
    func withoutAHeader(_ text: String) throws {
        for isSpooled in [false, true] {
            var message = Message.test(bytes: Array(text.utf8), pieces: 3, spooled: isSpooled)
            #expect(try message.bytes(.wire) == Array(text.utf8))
            #expect(message.bodySize == text.utf8.count && message.header.fields.isEmpty)
            message.addTopField(Array("X: y\r\n".utf8))
            #expect(try message.bytes(.wire) == Array("X: y\r\n\r\n\(text)".utf8))
            #expect(try message.bytes(.wire).count == message.wireSize)
            message.removeHeader("X", index: nil)
            #expect(try message.bytes(.wire) == Array(text.utf8))
            message.replaceBody([0x61])
            #expect(try message.bytes(.wire) == Array("\r\na".utf8))
        }
    }

    @Test func aBodyForAMessageWithoutOne() throws {
        var message = Message.test(bytes: Array("A: 1\r\n".utf8))
        message.replaceBody(Array("new\r\n".utf8))
        #expect(try self.text(message) == "A: 1\n\nnew\n")
        #expect(message.bodySize == 5)
    }

    @Test(arguments: [
        Row("CRLF", "a\r\nb\r\n", "a\nb\n"), Row("a CR alone", "a\rb\r\n", "a\rb\n"),
        Row("CR CR LF", "a\r\r\nb", "a\r\nb"), Row("CR at the end", "a\r", "a\r"), Row("LF alone", "a\nb", "a\nb"),
        Row("only CRs", "\r\r\r", "\r\r\r"), Row("nothing", "", ""),
    ])
    func formsDoNotDependOnPieces(_ row: Row<String, String>) throws {
        for pieces in 1...5 {
            for isSpooled in [false, true] {
                let message = Message.test(bytes: Array(row.input.utf8), pieces: pieces, spooled: isSpooled)
                #expect(try message.bytes(.lf) == Array(row.expected.utf8))
                #expect(try message.bytes(.wire) == Array(row.input.utf8))
            }
        }
    }

    @Test func factsFollowEdits() {
        var message = Message.test("A: 1\n\nü\n")
        #expect(message.isEightBit && !message.hasEightBitHeader)
        message.replaceBody(Array("u\r\n".utf8))
        #expect(!message.isEightBit)
        message.addHeader("B", "ü", at: 0)
        #expect(message.isEightBit && message.hasEightBitHeader)
        message.removeHeader("B", index: nil)
        #expect(!message.isEightBit)
        #expect(message.receivedSize == 12 && message.receivedHeaderSize == 8)
    }

    @Test func values() {
        var message = Message.test(Self.original)
        let before = message
        message.addHeader("X", "y", at: 0)
        #expect(before.header.first("X") == nil)
        #expect(message.header.first("x")?.value == "y")
        #expect(message.header.all("A").map(\.value) == ["1", "3"])
    }

    @Test func aShortSpoolFileIsAnError() {
        let storage = MessageStorage(
            chunks: [], file: EmptyFile(), size: 5, headerBytes: [], facts: MessageFacts())
        #expect(throws: EffectError.self) { try Message(storage).bytes() }
        #expect(throws: EffectError.self) {
            try Message(MessageStorage(chunks: [[1]], file: nil, size: 5, headerBytes: [], facts: .init())).cursor.all()
        }
    }

    @Test func readingInAHandler() async throws {
        let harness = try PluginHarness(Empty.self)
        for isSpooled in [false, true] {
            let message = Message.test(Self.original, spooled: isSpooled)
            var cursor = message.cursor
            var bytes: [UInt8] = []
            while let piece = try await harness.session.read(&cursor) { bytes += piece }
            #expect(try bytes == message.bytes())
        }
        #expect(harness.offloader.runs == 1)
    }
}

private final class EmptyFile: SpooledFile {
    let path = "/spool/empty"
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(EffectError) -> Int { 0 }
}

extension MessageCursor {
    fileprivate func all() throws -> [UInt8] {
        var cursor = self
        var bytes: [UInt8] = []
        while let piece = try cursor.next() { bytes += piece }
        return bytes
    }
}

extension String {
    fileprivate func components(_ separator: String) -> Int { self.split(separator: separator).count }
}
