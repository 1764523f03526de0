// PostfixQueueTests.swift
//
// RFC 5321 §6.1: queue/postfix-queue, against what cleanup(8) expects

import QPHooks
import QPPlugins
import QPTestKit
import Synchronization
import Testing

@Suite("queue/postfix-queue")
struct PostfixQueueTests {
    private static let usual = Destination.unix(path: "/var/spool/postfix/public/cleanup")

    /// What cleanup was told.
    final class Told: Sendable {
        let octets = Mutex<[UInt8]>([])
    }

    /// cleanup(8), as far as its clients see it.
    struct Cleanup: ScriptedPeer {
        var hello = "protocol\0cleanup_protocol\0queue_id\04XYZ\0\0"
        var answer = "status\00\0reason\0\0\0"
        var hangsUp = false
        let told = Told()
        var hasClosed = false

        mutating func connected() -> [UInt8] { Array(self.hello.utf8) }

        mutating func received(_ bytes: [UInt8]) -> [UInt8] {
            let octets = self.told.octets.withLock { octets in
                octets += bytes
                return octets
            }
            guard octets.suffix(4) == [UInt8(ascii: "X"), 0, UInt8(ascii: "E"), 0] else { return [] }
            if self.hangsUp { self.hasClosed = true }
            return self.hangsUp ? [] : Array(self.answer.utf8)
        }

        /// Flags, and the records as letter and text; `nil` if they are none.
        var records: (flags: String, records: [String])? {
            let octets = self.told.octets.withLock { $0 }
            let head = octets.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
            guard head.count == 4, head[0] == Array("flags".utf8)[...], head[2].isEmpty else { return nil }
            var records: [String] = []
            var rest = head[3]
            while let letter = rest.popFirst() {
                var length = 0
                var shift = 0
                while let byte = rest.popFirst() {
                    length |= Int(byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80 { break }
                }
                guard rest.count >= length else { return nil }
                records.append(String(decoding: [letter] + rest.prefix(length), as: UTF8.self))
                rest = rest.dropFirst(length)
            }
            return (String(decoding: head[1], as: UTF8.self), records)
        }
    }

    private func harness(_ arguments: [String] = [], _ peer: Cleanup?, files: [String: String] = [:]) throws
        -> PluginHarness
    {
        let harness = try PluginHarness(PostfixQueue.self, arguments: arguments, files: files)
        if let peer { harness.connector.serve(Self.usual, peer) }
        return harness
    }

    @Test func records() async throws {
        let peer = Cleanup()
        let harness = try self.harness(["FLAG_FILTER", "FLAG_MAP_OK"], peer)
        try harness.mail(to: ["bob@b.example", "\"c d\"@c.example"], "")
        let long = String(repeating: "y", count: 1500)
        harness.message = .test(bytes: Array("Message-ID: <1@x>\r\n\r\n.\r\n\(long)\r\nü\0x".utf8), pieces: 5)
        #expect(try await harness.run(.queue) == .ok("Queued! <1@x> (Queue-Id: 4XYZ)"))
        let told = try #require(peer.records)
        #expect(told.flags == "34")
        #expect(told.records.first?.hasPrefix("T") == true)
        #expect(
            Array(told.records.dropFirst()) == [
                "Arewrite_context=remote", "Ssender@client.example", "Rbob@b.example", "Rc d@c.example", "M",
                "NMessage-ID: <1@x>", "N", "N.", "L" + long.prefix(1024), "N" + long.dropFirst(1024), "Nü\0x", "X", "E",
            ])
    }

    @Test(arguments: [
        (0, ReturnCode.ok, ""), (256, .denysoft, "4.7.1"), (128, .denysoft, "4.3.0"), (2, .denysoft, "4.3.0"),
        (1, .denysoft, "4.3.0"), (64, .deny, "5.1.0"), (16, .deny, "5.4.0"), (4, .deny, "5.3.4"), (8, .deny, "5.7.1"),
        (8 | 2, .denysoft, "4.3.0"), (4096, .denysoft, "4.3.0"),
    ])
    func statuses(_ bits: Int, _ code: ReturnCode, _ status: String) async throws {
        var peer = Cleanup()
        peer.answer = "status\0\(bits)\0reason\0x\0\0"
        let harness = try self.harness([], peer)
        try harness.mail(to: ["bob@b.example"], "A: b\n")
        let verdict = try await harness.run(.queue)
        #expect(verdict.code == code)
        if code != .ok { #expect(verdict.text.hasSuffix("(#\(status))")) }
    }

    @Test(arguments: [
        Row("no greeting", "", "-"), Row("no name", "x\0y\0\0", "-"),
        Row("endless greeting", String(repeating: "x", count: 9000), "-"),
        Row("a name with a blank", "queue_id\0a b\0\0", "-"), Row("no answer", "", ""),
        Row("garbage", "", "status\0x\0\0"),
        Row("no status", "", "\0"), Row("endless answer", "", String(repeating: "x", count: 9000)),
        Row("too many words", "", String(repeating: "a\0", count: 2000)),
    ])
    func troubles(_ row: Row<String, String>) async throws {
        var peer = Cleanup()
        if row.expected == "-" { peer.hello = row.input } else { peer.answer = row.expected }
        peer.hangsUp = row.expected.isEmpty
        let harness = try self.harness([], peer)
        try harness.mail(to: ["bob@b.example"], "A: b\n")
        #expect(try await harness.run(.queue) == .denysoft("service unavailable (#4.7.1)"))
    }

    /// What cleanup says before it has the message is no answer to it.
    @Test func tooEarly() async throws {
        var peer = Cleanup()
        peer.hello += peer.answer
        let harness = try self.harness([], peer)
        try harness.mail(to: ["bob@b.example"], "A: b\n")
        #expect(try await harness.run(.queue).code == .denysoft)
    }

    @Test func theFirstSocketThatAnswers() async throws {
        let harness = try self.harness([], nil, files: ["cleanup_sockets": "/a\n127.0.0.1:99\n/c\n"])
        harness.connector.serve(.tcp(host: "127.0.0.1", port: 99), Cleanup())
        try harness.mail(to: ["bob@b.example"], "A: b\n")
        #expect(try await harness.run(.queue).code == .ok)
        #expect(harness.connector.connections == [.unix(path: "/a"), .tcp(host: "127.0.0.1", port: 99)])
        // One that may have the message is the last one.
        var silent = Cleanup()
        silent.hangsUp = true
        harness.connector.serve(.unix(path: "/a"), silent)
        #expect(try await harness.run(.queue).code == .denysoft)
        #expect(harness.connector.connections.count == 3)
    }

    @Test func arguments() throws {
        for good in [["/x"], ["/x", "FLAG_HOLD"], ["FLAG_NONE"], ["h:1"], ["timeout=5", "/x"]] {
            _ = try PluginHarness(PostfixQueue.self, arguments: good)
        }
        for bad in [["x"], ["/x", "/y"], ["FLAG_X"], ["h:0"], ["timeout=61"]] {
            #expect(throws: PluginError.self) { try PluginHarness(PostfixQueue.self, arguments: bad) }
        }
        #expect(throws: PluginError.file("cleanup_sockets", line: 2, "'b' is no socket")) {
            try PluginHarness(PostfixQueue.self, files: ["cleanup_sockets": "/a\nb\n"])
        }
    }
}
