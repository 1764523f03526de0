// SubmissionTests.swift
//
// RFC 6409: who may submit, and what is done for them.

import QPActors
import QPHooks
import QPTestKit
import Testing

@Suite struct SubmissionTests {
    private static let relaying = EngineHarness.Entry("relaying") { hooks in
        hooks.on(.connect) { _, session in
            session.isRelayClient = true
            return .declined
        }
    }

    private func connect(_ plugins: [EngineHarness.Entry], options: ListenerOptions = .submission) -> TestClient {
        let client = EngineHarness(plugins, seams: testSeams(), options: options).connect()
        client.send("EHLO a.example\r\n")
        _ = client.codes()
        return client
    }

    @Test(arguments: [
        Row("MAIL", "MAIL FROM:<a@b.example>", 530), Row("VRFY", "VRFY ann", 252), Row("NOOP", "NOOP", 250),
        Row("RSET", "RSET", 250), Row("RCPT", "RCPT TO:<a@b.example>", 503), Row("EHLO", "EHLO a.example", 250),
    ])
    func strangers(_ row: Row<String, Int>) {
        let client = self.connect([accepting])
        client.send(row.input + "\r\n")
        #expect(client.codes() == [row.expected])
    }

    @Test func status() {
        let reply = self.connect([accepting]).say("MAIL FROM:<a@b.example>")
        #expect(reply.first?.hasPrefix("530 5.7.0 ") == true)
    }

    @Test func relayClients() {
        #expect(
            self.connect([Self.relaying, accepting]).say("MAIL FROM:<a@b.example>").first?.hasPrefix("250") == true)
    }

    @Test(arguments: [
        Row("no dot", "MAIL FROM:<a@b>", [554]), Row("nobody", "MAIL FROM:<>", [250]),
        Row("literal", "MAIL FROM:<a@[192.0.2.1]>", [250]), Row("fully qualified", "MAIL FROM:<a@b.example>", [250]),
        Row("recipient", "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@localhost>", [250, 554]),
        Row("postmaster", "MAIL FROM:<a@b.example>\r\nRCPT TO:<postmaster>", [250, 250]),
    ])
    func domains(_ row: Row<String, [Int]>) {
        let client = self.connect([Self.relaying, accepting])
        client.send(row.input + "\r\n")
        #expect(client.codes() == row.expected)
    }

    @Test func domainsElsewhere() {
        #expect(self.connect([accepting], options: []).say("MAIL FROM:<a@b>").first?.hasPrefix("250") == true)
    }

    /// The fields between our Received and the client's own, by name.
    @Test(arguments: [
        Row("neither", "Subject: x\r\n\r\nb\r\n", ["Received", "Date", "Message-ID", "Subject"]),
        Row("a Date", "Date: x\r\n\r\nb\r\n", ["Received", "Message-ID", "Date"]),
        Row("a Message-ID", "message-id: <x>\r\n\r\nb\r\n", ["Received", "Date", "message-id"]),
        Row("both", "Message-ID: <x>\r\nDate: x\r\n\r\nb\r\n", ["Received", "Message-ID", "Date"]),
        Row("in the body only", "Subject: x\r\n\r\nDate: x\r\n", ["Received", "Date", "Message-ID", "Subject"]),
    ])
    func fields(_ row: Row<String, [String]>) {
        let bag = Mailbag()
        let client = self.connect([Self.relaying, bag.entry])
        client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n\(row.input).\r\n")
        let text = bag.texts.first ?? ""
        let header = text.split(separator: "\r\n\r\n", maxSplits: 1).first ?? ""
        let names = header.split(separator: "\r\n").filter { !$0.hasPrefix(" ") }.map {
            String($0.prefix { $0 != ":" })
        }
        #expect(names.filter { $0 != "Authentication-Results" } == row.expected)
        #expect(text.hasSuffix(row.input))
    }

    @Test func values() {
        let bag = Mailbag()
        let client = self.connect([Self.relaying, bag.entry])
        client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n\r\nb\r\n.\r\n")
        let id = client.said().split(separator: "[").last?.split(separator: "]").first ?? "?"
        #expect(bag.texts.first?.contains("Message-ID: <\(id)@mx.test.example>\r\n") == true)
    }

    @Test func fieldsElsewhere() {
        let bag = Mailbag()
        let client = self.connect([bag.entry], options: [])
        client.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\nb\r\n.\r\n")
        #expect(bag.texts.first?.contains("Message-ID") == false)
    }
}
