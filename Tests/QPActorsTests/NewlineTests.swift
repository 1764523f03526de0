// NewlineTests.swift
//
// RFC 5321 §2.3.8: what bare line ends do to commands and messages; other protocols; BINARYMIME.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

struct NewlineCase: Sendable, CustomTestStringConvertible {
    let policy: BareNewlinePolicy
    let isExempt: Bool
    var testDescription: String { "\(self.policy)\(self.isExempt ? ", exempt" : "")" }

    static let all: [NewlineCase] = [
        .init(policy: .refuse, isExempt: false), .init(policy: .warn, isExempt: false),
        .init(policy: .fold, isExempt: false), .init(policy: .pass, isExempt: false),
        .init(policy: .refuse, isExempt: true),
    ]

    /// Everything that some server or other takes for the end of a message.
    static let smuggling: [Row<String, Bool>] = [
        "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r.\n", "\n.\r", "\n\r.\r\n", "\r\r\n.\n",
        "\r\n.\r\r\n", "\r\n\0.\r\n", "\r\n.\0\r\n", "\r\n.\n\r\n", "\n\n.\n\n", "\r\n .\r\n", "\r\n.\t\r\n",
    ].map { Row($0.debugDescription, $0, true) }

    func harness(_ bag: Mailbag) -> EngineHarness {
        var settings = EngineHarness.quietSettings
        settings.bareNewline = self.policy
        if self.isExempt { settings.bareNewlineExempt = ["192.0.2.0/24"].compactMap { Network($0) } }
        return EngineHarness([bag.entry], settings: settings, seams: testSeams())
    }

    var refuses: Bool { self.policy == .refuse && !self.isExempt }
}

@Suite struct NewlineTests {
    @Test(arguments: NewlineCase.all)
    func commands(_ test: NewlineCase) {
        let harness = test.harness(Mailbag())
        let client = harness.connect()
        client.send("NOOP\nNOOP\r\n")
        #expect(client.codes() == [220, test.refuses ? 500 : 250, 250])
        #expect(harness.core.serverCounters().bareNewlineWarnings == (test.policy == .warn ? 1 : 0))
        client.send("NOOP\rNOOP\r\n")
        #expect(client.codes() == [500])
    }

    @Test(arguments: NewlineCase.all)
    func messages(_ test: NewlineCase) {
        for (input, folded) in [("a\nb\r\n", "a\r\nb\r\n"), ("a\rb\r\n", "a\r\nb\r\n")] {
            let bag = Mailbag()
            let harness = test.harness(bag)
            let client = harness.connect()
            client.beginMail()
            client.send("DATA\r\nA: b\r\n\r\n" + input + ".\r\n")
            #expect(client.codes() == [220, 250, 250, 250, 354, test.refuses ? 554 : 250])
            let expected = test.policy == .fold ? folded : input
            if !test.refuses { #expect(bag.texts.first?.hasSuffix("A: b\r\n\r\n" + expected) == true) }
            #expect(bag.messages.count == (test.refuses ? 0 : 1))
            #expect(harness.core.serverCounters().bareNewlineWarnings == (test.policy == .warn ? 1 : 0))
        }
    }

    /// No sequence but the one ends a message, whatever the policy; the commands behind it stay text.
    @Test(arguments: NewlineCase.all, NewlineCase.smuggling)
    func smuggling(_ test: NewlineCase, _ sequence: Row<String, Bool>) {
        let bag = Mailbag()
        let harness = test.harness(bag)
        let client = harness.connect()
        client.beginMail()
        let hidden = "MAIL FROM:<evil@x.example>\r\nRCPT TO:<v@d.example>\r\nDATA\r\nFrom: evil\r\n"
        client.send("DATA\r\nSubject: x\r\n\r\nfirst\(sequence.input)\(hidden).\r\n")
        let codes = client.codes()
        #expect(codes.count == 6)
        let hasBare = harness.core.serverCounters().rejected == 1
        #expect(codes.last == (hasBare ? 554 : 250))
        #expect(bag.messages.count == (hasBare ? 0 : 1))
        #expect(hasBare ? test.refuses : true)
        guard let message = bag.texts.first else { return }
        #expect(message.contains("evil@x.example"))
        if test.refuses || test.policy == .fold { #expect(Self.isClean(message)) }
        #expect(client.say("NOOP").count == 1)
    }

    /// Whether every CR has its LF and the other way round.
    private static func isClean(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.indices.allSatisfy { index in
            switch bytes[index] {
            case 0x0D: index + 1 < bytes.count && bytes[index + 1] == 0x0A
            case 0x0A: index > 0 && bytes[index - 1] == 0x0D
            default: true
            }
        }
    }

    /// In chunks nothing but the length ends a message; the policy holds all the same.
    @Test(arguments: NewlineCase.all)
    func chunks(_ test: NewlineCase) {
        let bag = Mailbag()
        let harness = test.harness(bag)
        let client = harness.connect()
        client.beginMail()
        client.send("BDAT 10\r\nA: b\r\n\r\nx\nBDAT 5 LAST\r\n\r\n.\r\nNOOP\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 250, test.refuses ? 554 : 250, 250])
        let expected = test.policy == .fold ? "A: b\r\n\r\nx\r\n\r\n.\r\n" : "A: b\r\n\r\nx\n\r\n.\r\n"
        #expect(test.refuses ? bag.messages.isEmpty : bag.texts.first?.hasSuffix(expected) == true)
    }

    // MARK: BINARYMIME (RFC 3030 §3)

    @Test func binary() {
        let bag = Mailbag()
        let harness = NewlineCase(policy: .refuse, isExempt: false).harness(bag)
        let client = harness.connect()
        client.send("EHLO x\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 503])
        let body = (0...255).map { UInt8($0) } + Array("\r.\r\n.\n\r".utf8)
        client.send(Array("BDAT \(body.count + 8) LAST\r\nA: b\r\n\r\n".utf8) + body)
        #expect(client.codes() == [250])
        #expect(bag.messages.first?.suffix(body.count).elementsEqual(body) == true)
    }

    @Test func dataAndChunksDoNotMix() {
        let harness = NewlineCase(policy: .refuse, isExempt: false).harness(Mailbag())
        let client = harness.connect()
        client.beginMail()
        client.send("BDAT 4\r\nA: bDATA\r\nRCPT TO:<e@d.example>\r\nMAIL FROM:<a@b.example>\r\nBDAT 4 LAST\r\n\r\n\r\n")
        #expect(client.codes() == [220, 250, 250, 250, 250, 503, 503, 503, 250])
        client.send("BDAT 4 LAST\r\nQUITNOOP\r\n")
        #expect(client.codes() == [503, 250])
    }

    // MARK: Other protocols

    @Test(arguments: [
        Row("HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not HTTP"),
        Row("HTTP POST", "POST /x HTTP/1.0\r\n", "not HTTP"),
        Row("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}", "not TLS"),
    ])
    func foreign(_ row: Row<String, String>) {
        for size in [1, 1000] {
            let harness = NewlineCase(policy: .refuse, isExempt: false).harness(Mailbag())
            let client = harness.connect()
            let bytes = Array(row.input.utf8)
            for start in stride(from: 0, to: bytes.count, by: size) where !client.isClosed {
                client.send(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            let lines = client.replies()
            #expect(lines.count == 2)
            #expect(lines.last?.hasPrefix("421 ") == true)
            #expect(lines.last?.contains(row.expected) == true)
            #expect(client.isClosed)
            #expect(harness.supervisor.sessions == 0)
        }
    }

    /// Later in a session it is just an unknown command.
    @Test func foreignLater() {
        let client = NewlineCase(policy: .refuse, isExempt: false).harness(Mailbag()).connect()
        client.send("EHLO x\r\nGET / HTTP/1.1\r\n")
        #expect(client.codes() == [220, 250, 500])
    }
}
