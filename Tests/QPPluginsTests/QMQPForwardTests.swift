// QMQPForwardTests.swift
//
// QMQP (Bernstein, 1997)

import QPHooks
import QPPlugins
import QPTestKit
import Synchronization
import Testing

@testable import QPSMTP

/// What a QMQP server got.
private final class Package: Sendable {
    let octets = Mutex<[UInt8]>([])
    let largest = Mutex(0)
    var text: String { String(decoding: self.octets.withLock { $0 }, as: UTF8.self) }
}

/// A QMQP server that answers one package, or hangs up once it has got some octets.
private struct QMQPPeer: ScriptedPeer {
    let package = Package()
    var answer = "3:Kok,"
    var hangsUpAfter = Int.max
    private(set) var hasClosed = false
    private var answered = false

    mutating func connected() -> [UInt8] { [] }

    mutating func received(_ bytes: [UInt8]) -> [UInt8] {
        let octets = self.package.octets.withLock { octets in
            octets += bytes
            return octets
        }
        self.package.largest.withLock { $0 = max($0, bytes.count) }
        if octets.count >= self.hangsUpAfter { self.hasClosed = true }
        guard !self.answered, octets.last == UInt8(ascii: ","), let colon = octets.firstIndex(of: UInt8(ascii: ":")),
            let size = Int(String(decoding: octets[..<colon], as: UTF8.self)), octets.count == colon + 1 + size + 1
        else { return [] }
        self.answered = true
        // What is left unsaid is a connection that was closed.
        if self.answer.isEmpty || self.answer.hasSuffix("...") { self.hasClosed = true }
        return Array(self.answer.replacing("...", with: "").utf8)
    }
}

/// Says one digit every 50 seconds.
private struct SlowStream: ByteStream {
    let clock: ManualClock
    func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        self.clock.advance(by: .seconds(50))
        return [UInt8(ascii: "1")]
    }
    func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError) {}
    func closeOutput() async throws(EffectError) {}
    func close() async {}
}

private final class BrokenSpool: SpooledFile {
    let path = "/spool/secret"
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(EffectError) -> Int {
        guard offset < 100 else { throw .failed("file /spool/secret: input/output error") }
        buffer.copyBytes(from: Array(repeating: UInt8(ascii: "x"), count: min(buffer.count, 100)))
        return min(buffer.count, 100)
    }
}

@Suite("queue/qmqp-forward")
struct QMQPForwardTests {
    private static let hop = Destination.tcp(host: "qmqp.example", port: 628)

    private func harness(_ peer: QMQPPeer?, arguments: [String] = ["qmqp.example"]) throws -> PluginHarness {
        let harness = try PluginHarness(QMQPForward.self, arguments: arguments)
        if let peer { harness.connector.serve(Self.hop, peer) }
        try harness.mail(from: "ann@c.example", to: ["bob@b.example", "cy@c.example"], "A: b\n\nx\n")
        return harness
    }

    @Test("claim 88: qmqp-forward needs a server")
    func noServer() {
        #expect(throws: PluginError.argument("No QMQP server specified in qmqp-forward config")) {
            try PluginHarness(QMQPForward.self)
        }
    }

    @Test(
        "claim 89: qmqp-forward's server is made of word characters, dot and dash",
        arguments: [
            Row("name", "mx-1.example.org", true), Row("address", "192.0.2.1", true), Row("underscore", "a_b", true),
            Row("colon", "a:628", false), Row("slash", "a/b", false), Row("brackets", "[::1]", false),
            Row("beyond ASCII", "ü.example", false), Row("a blank", "a b", false),
        ])
    func servers(_ row: Row<String, Bool>) {
        #expect(((try? PluginHarness(QMQPForward.self, arguments: [row.input])) != nil) == row.expected)
    }

    @Test(
        "claim 90: qmqp-forward's port is 628, or digits",
        arguments: [
            Row("default", ["h"], 628), Row("own", ["h", "6280"], 6280), Row("none", ["h", "0"], nil),
            Row("too large", ["h", "65536"], nil), Row("a word", ["h", "qmqp"], nil), Row("a sign", ["h", "+1"], nil),
        ] as [Row<[String], Int?>])
    func ports(_ row: Row<[String], Int?>) async throws {
        guard let port = row.expected else {
            #expect(throws: PluginError.self) { try self.harness(nil, arguments: row.input) }
            return
        }
        let harness = try self.harness(nil, arguments: row.input)
        _ = try await harness.run(.queue)
        #expect(harness.connector.connections == [.tcp(host: "h", port: port)])
    }

    @Test("claim 91: qmqp-forward waits 120 s for the whole answer, however it drips")
    func slowAnswers() async throws {
        let harness = try self.harness(nil)
        let clock = harness.clock
        harness.connector.serve(Self.hop) { () throws(EffectError) in SlowStream(clock: clock) }
        #expect(try await harness.run(.queue) == .declinedSaying("Protocol error"))
        #expect(harness.clock.now == MonotonicTime(nanoseconds: 150_000_000_000))
        #expect(
            harness.log.lines.last == "LOGERROR error, qmqp.example:628: Protocol error: answer: timed out")
    }

    @Test("claim 92: further arguments of qmqp-forward are one warning")
    func furtherArguments() throws {
        #expect(try self.harness(nil, arguments: ["h", "628"]).warnings.isEmpty)
        #expect(
            try self.harness(nil, arguments: ["h", "628", "a", "b"]).warnings == ["Ignoring additional arguments."])
    }

    @Test("claim 93: qmqp-forward hooks queue and logs where it forwards to")
    func logsWhere() async throws {
        let harness = try self.harness(QMQPPeer())
        #expect(harness.hooks == [.queue])
        _ = try await harness.run(.queue)
        #expect(harness.log.lines == ["LOGINFO forwarding to qmqp.example:628", "LOGINFO pass, Queued! ok"])
    }

    @Test("claim 94: when nobody listens, qmqp-forward logs an error and declines")
    func nobodyListens() async throws {
        let harness = try self.harness(nil)
        #expect(try await harness.run(.queue) == .declined)
        #expect(harness.log.lines.last?.hasPrefix("LOGERROR error, Failed to connect to qmqp.example:628: ") ?? false)
    }

    struct Mail: Sendable {
        var sender = "ann@c.example"
        var recipients = ["bob@b.example"]
        var octets = "A: b\r\n\r\nx\r\n"
    }

    @Test(
        "claim 95: qmqp-forward's package, octet by octet",
        arguments: [
            Row("one recipient", Mail(), "42:8:A: b\n\nx\n,13:ann@c.example,13:bob@b.example,,"),
            Row(
                "several recipients", Mail(recipients: ["bob@b.example", "\"c d\"@c.example", "postmaster"]),
                "73:8:A: b\n\nx\n,13:ann@c.example,13:bob@b.example,13:c d@c.example,10:postmaster,,"),
            Row("the null sender", Mail(sender: ""), "31:8:A: b\n\nx\n,0:,13:bob@b.example,,"),
            Row("an empty message", Mail(octets: ""), "34:0:,13:ann@c.example,13:bob@b.example,,"),
            Row(
                "CR and LF alone stay", Mail(octets: "a\rb\nc\r\r\n\r"),
                "42:8:a\rb\nc\r\n\r,13:ann@c.example,13:bob@b.example,,"),
            Row("8 bit", Mail(octets: "ü\r\n"), "37:3:ü\n,13:ann@c.example,13:bob@b.example,,"),
            Row(
                "ten octets", Mail(octets: "0123456\r\n\r\n\r\n"),
                "45:10:0123456\n\n\n,13:ann@c.example,13:bob@b.example,,"),
        ], [1, 2, 64])
    func packages(_ row: Row<Mail, String>, _ pieces: Int) async throws {
        for isSpooled in [false, true] {
            let peer = QMQPPeer()
            let harness = try self.harness(peer)
            try harness.mail(from: row.input.sender, to: row.input.recipients, "")
            harness.message = .test(bytes: Array(row.input.octets.utf8), pieces: pieces, spooled: isSpooled)
            #expect(try await harness.run(.queue) == .ok("Queued! ok"))
            #expect(peer.package.text.utf8.elementsEqual(Self.sized(row.expected).utf8), "\(peer.package.text)")
        }
    }

    /// The outer length is worked out here a second time, from the content itself.
    private static func sized(_ package: String) -> String {
        let content = package.utf8.drop { $0 != UInt8(ascii: ":") }.dropFirst().dropLast()
        return "\(content.count):\(String(decoding: content, as: UTF8.self)),"
    }

    @Test("claim 95: edits of other plugins are in qmqp-forward's package")
    func edits() async throws {
        let peer = QMQPPeer()
        let harness = try self.harness(peer)
        harness.session.transaction.addHeader("X-New", "1")
        #expect(try await harness.run(.queue).code == .ok)
        #expect(peer.package.text.contains(":17:X-New: 1\nA: b\n\nx\n,13:ann@c.example,"))
    }

    @Test("claim 96: qmqp-forward sends a large message in blocks")
    func blocks() async throws {
        let peer = QMQPPeer()
        let harness = try self.harness(peer)
        let line = Array(repeating: UInt8(ascii: "x"), count: 76) + [0x0D, 0x0A]
        harness.message = .test(
            bytes: Array(repeatElement(line, count: 4000).joined()), pieces: 4096, spooled: true)
        #expect(try await harness.run(.queue).code == .ok)
        #expect(peer.package.largest.withLock { $0 } <= 65536)
        #expect(peer.package.octets.withLock { $0.count } > 4000 * 77)
    }

    @Test("claim 97: when the connection breaks, qmqp-forward declines and closes it", arguments: [1, 10])
    func writeFailures(_ octets: Int) async throws {
        var peer = QMQPPeer()
        peer.hangsUpAfter = octets
        let stream = ScriptedStream(peer)
        let harness = try self.harness(nil)
        harness.connector.serve(Self.hop) { () throws(EffectError) in stream }
        #expect(try await harness.run(.queue) == .declinedSaying("Failed to print to socket: connection closed"))
        #expect(stream.isClosed)
        #expect(harness.log.lines.last?.hasPrefix("LOGERROR error, ") ?? false)
    }

    @Test("claim 97: when the spool cannot be read, qmqp-forward declines, and the client learns no path")
    func readFailures() async throws {
        let harness = try self.harness(QMQPPeer())
        let file = BrokenSpool()
        harness.message = Message(
            MessageStorage(chunks: [], file: file, size: 500, headerBytes: [], facts: MessageFacts()))
        let verdict = try await harness.run(.queue)
        #expect(verdict == .declinedSaying("Failed to read from body_fh: input/output error"))
        #expect(harness.log.lines.last?.contains("/spool/secret") ?? false)
    }

    @Test(
        "claim 98: K, Z and D are OK, DENYSOFT and DENY with their text",
        arguments: [
            Row("K", "14:Kok 123 qp 456,", Verdict<Delivery>.ok("Queued! ok 123 qp 456")),
            Row("K alone", "1:K,", .ok("Queued! ")),
            Row("Z", "17:Zno room (#4.3.1),", .denysoft("Deferred: no room (#4.3.1)")),
            Row("D", "15:Dmy dear (#5.0),", .deny("Denied: my dear (#5.0)")),
            Row("more behind it", "3:Kok,3:Dno,", .ok("Queued! ok")),
            Row("no line is forged", "9:Kok\r\n250 ,", .ok("Queued! ok  250 ")),
        ])
    func answers(_ row: Row<String, Verdict<Delivery>>) async throws {
        var peer = QMQPPeer()
        peer.answer = row.input
        #expect(try await self.harness(peer).run(.queue) == row.expected)
    }

    @Test(
        "claim 99: an answer that is none is a protocol error",
        arguments: [
            Row("closed", "", "closed by the other side"), Row("closed within", "14:Kok...", "closed"),
            Row("closed in the digits", "14...", "closed"), Row("hung", "3:Kok", "timed out"),
            Row("hung in the digits", "3", "timed out"), Row("empty", "0:,", "an answer that is none"),
            Row("another letter", "3:Xok,", "an answer that is none"), Row("SMTP", "250 ok\r\n", "no netstring"),
            Row("no digits", ":Kok,", "no netstring"), Row("leading zero", "03:Kok,", "no netstring"),
            Row("a sign", "-3:Kok,", "no netstring"), Row("no comma", "2:Kok,", "no comma"),
            Row("too long", "1001:K", "more data than allowed"),
            Row("a huge number", "9223372036854775807:K", "more data than allowed"),
            Row("a number beyond all", "99999999999999999999999999", "no netstring"),
        ])
    func nonsense(_ row: Row<String, String>) async throws {
        var peer = QMQPPeer()
        peer.answer = row.input
        let harness = try self.harness(peer)
        #expect(try await harness.run(.queue) == .declinedSaying("Protocol error"))
        let line = harness.log.lines.last ?? ""
        #expect(line.hasPrefix("LOGERROR error, qmqp.example:628: Protocol error: "))
        #expect(line.contains(row.expected), "\(line)")
    }

    @Test("claim 100: one answer of QMQP is true for all recipients, with LMTP too")
    func oneAnswer() async throws {
        for isLMTP in [false, true] {
            let peer = QMQPPeer()
            let harness = try self.harness(peer)
            if isLMTP { harness.answerEachRecipient() }
            #expect(try await harness.run(.queue) == .okSaying(.whole, "Queued! ok"))
            #expect(harness.connector.connections.count == 1)
            #expect(peer.package.text.hasSuffix(",13:bob@b.example,12:cy@c.example,,"))
        }
    }

    @Test(arguments: ["a\0b", "a\nb", "a\rb", "a\u{7F}b"])
    func controlCharactersNeverLeave(_ localPart: String) async throws {
        let bad = Mailbox(checkedLocalPart: localPart, domain: "b.example")
        for isSender in [false, true] {
            let peer = QMQPPeer()
            let harness = try self.harness(peer)
            if isSender {
                harness.session.transaction.setSender(.mailbox(bad))
            } else {
                harness.recipients.append(Recipient(bad))
            }
            #expect(try await harness.run(.queue).code == .deny)
            #expect(harness.connector.connections.isEmpty)
        }
    }

    @Test func nothingToForward() async throws {
        let harness = try self.harness(QMQPPeer())
        try harness.mail(to: [], "A: b\n")
        #expect(try await harness.run(.queue) == .declined)
        #expect(harness.backend == [.eightBitMIME])
    }
}
