// MaildirTests.swift
//
// RFC 5321 §4.4, §6.1

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("queue/maildir")
struct MaildirTests {
    private static let message = "Message-ID: <1@client.example>\nSubject: hello\n\nbody\n.dot\n"

    private func harness(_ arguments: String...) throws -> PluginHarness {
        try PluginHarness(Maildir.self, arguments: arguments)
    }

    @Test("claim 66: maildir delivers a message byte for byte") func aMessageIsOneFile() async throws {
        let harness = try self.harness("/mail")
        try harness.mail(from: "ann@client.example", to: ["bob@b.example", "cy@c.example"], Self.message)
        #expect(try await harness.run(.queue) == .ok("Queued! <1@client.example>"))

        let file = try #require(harness.files.publications.first)
        #expect(harness.files.publications.count == 1)
        let envelope = "Return-Path: <ann@client.example>\nDelivered-To: bob@b.example\nDelivered-To: cy@c.example\n"
        #expect(file.text == envelope + Self.message)
        #expect(file.mode == 0o600)
        #expect(file.path.wholeMatch(of: /\/mail\/new\/1700000000\.P\d+M0Q1R[0-9a-f]+\.mx\.example\.org/) != nil)
        #expect(file.temporary == file.path.replacing("/new/", with: "/tmp/"))
        #expect(harness.files.folders["/mail/cur"] == 0o700)
    }

    @Test func namesDiffer() async throws {
        let harness = try self.harness("/mail")
        for _ in 0..<20 {
            try harness.mail(to: ["bob@b.example"], Self.message)
            _ = try await harness.run(.queue)
        }
        #expect(harness.files.files.count == 20)
    }

    @Test func theNullSender() async throws {
        let harness = try self.harness("/mail")
        try harness.mail(from: "", to: ["bob@b.example"], Self.message)
        _ = try await harness.run(.queue)
        #expect(harness.files.publications.first?.text.hasPrefix("Return-Path: <>\n") ?? false)
    }

    @Test func oneFileForEachFolder() async throws {
        let harness = try self.harness("/mail", "%d/%l", "0750")
        try harness.mail(to: ["bob@b.example", "Cy@c.example", "bob@B.example"], Self.message)
        _ = try await harness.run(.queue)
        let files = harness.files.publications
        #expect(
            files.map { $0.path.split(separator: "/").prefix(3).joined(separator: "/") } == [
                "mail/b.example/bob", "mail/c.example/Cy",
            ])
        #expect(files.first?.text.contains("Delivered-To: bob@b.example\nDelivered-To: bob@B.example\nMess") ?? false)
        #expect(files.first?.mode == 0o640)
        #expect(harness.files.folders["/mail/b.example/bob/cur"] == 0o750)
    }

    @Test(arguments: [
        Row("slashes", ("%l", "\"../../etc\"@x.example"), "_.____.._etc"),
        Row("nothing but dots", ("%l", "\"..\"@x.example"), "_."),
        Row("a dot", ("%l", "\".\"@x.example"), "_"),
        Row("a dot behind the operator's", (".%l", "\".\"@x.example"), "._"),
        Row("blanks and controls of the shell", ("%l", "\"a b;$(c)\"@x.example"), "a_b___c_"),
        Row("address", ("%u", "a+b@X.example"), "a+b@x.example"),
        Row("literal", ("%d", "a@[192.0.2.1]"), "_192.0.2.1_"),
        Row("U-label", ("%d", "a@bücher.example"), "xn--bcher-kva.example"),
        Row("UTF-8", ("%l", "jürgen@x.example"), "jürgen"),
        Row("postmaster", ("%d/%l", "postmaster"), "mx.example.org/postmaster"),
        Row("percent", ("100%%", "a@x.example"), "100%"),
        Row("no empty folders", ("//%d//x/", "a@x.example"), "x.example/x"),
    ])
    func folders(_ row: Row<(String, String), String>) async throws {
        let harness = try self.harness("/mail", row.input.0)
        try harness.mail(to: [row.input.1], Self.message)
        _ = try await harness.run(.queue)
        let path = try #require(harness.files.publications.first).path
        #expect(path.hasPrefix("/mail/"))
        #expect(!path.split(separator: "/").contains { $0 == ".." || $0 == "." })
        if row.testDescription != "slashes" { #expect(path.hasPrefix("/mail/\(row.expected)/new/")) }
    }

    @Test("claim 66: maildir keeps lone CR and LF, and binary bodies") func lineEndsAndBinaryBodies() async throws {
        let harness = try self.harness("/mail")
        try harness.mail(to: ["bob@b.example"], "")
        harness.message = .test(bytes: Array("A: b\r\n\r\nx\ry\nz\r\n".utf8))
        _ = try await harness.run(.queue)
        try harness.mail(parameters: [ESMTPParameter("BODY", "BINARYMIME")], to: ["bob@b.example"], "A: b\n\nx\n")
        _ = try await harness.run(.queue)
        let texts = harness.files.publications.map(\.text)
        #expect(
            texts[0].utf8.elementsEqual(
                "Return-Path: <sender@client.example>\nDelivered-To: bob@b.example\nA: b\n\nx\ry\nz\n".utf8))
        #expect(
            texts[1].utf8.elementsEqual(
                "Return-Path: <sender@client.example>\r\nDelivered-To: bob@b.example\r\nA: b\r\n\r\nx\r\n".utf8))
    }

    @Test func failuresDefer() async throws {
        let harness = try self.harness("/mail", "%l")
        harness.files.fail(below: "/mail/cy", with: .failed("disk full"))
        try harness.mail(to: ["bob@b.example", "cy@c.example"], Self.message)
        let verdict = try await harness.run(.queue)
        #expect(verdict.code == .denysoft)
        #expect(verdict.denial?.status == .otherSystem)
        #expect(harness.files.files.isEmpty, "bob's file was taken back")
        #expect(harness.log.lines.contains("LOGERROR error, no delivery to /mail/cy: disk full"))
    }

    @Test func capabilities() throws {
        #expect(try self.harness("/mail").backend == [.eightBitMIME, .smtputf8, .binaryMIME])
    }

    @Test(arguments: [
        Row("no folder", [String](), false), Row("not absolute", ["mail"], false), Row("dots", ["/m", "../%l"], false),
        Row("unknown letter", ["/m", "%x"], false), Row("percent at the end", ["/m", "%"], false),
        Row("too many", ["/m", "%l", "%d", "0700"], false), Row("mode alone", ["/m", "0755"], true),
        Row("mode is not octal", ["/m", "0789"], true),
    ])
    func arguments(_ row: Row<[String], Bool>) {
        #expect(((try? PluginHarness(Maildir.self, arguments: row.input)) != nil) == row.expected)
    }
}

@Suite("queue/discard")
struct DiscardTests {
    @Test("claim 63: OK from a queue plugin is enough to drop a mail") func saysYesAndForgets() async throws {
        let harness = try PluginHarness(Discard.self)
        try harness.mail(to: ["bob@b.example"], "A: b\n\nx\n")
        #expect(try await harness.run(.queue) == .ok("Queued"))
        #expect(harness.files.files.isEmpty)
        #expect(harness.backend == .all)
    }
}
