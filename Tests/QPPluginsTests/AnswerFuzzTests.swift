// AnswerFuzzTests.swift
//
// Servers that plugins ask, answering by chance: nothing traps, nothing waits for ever, and no mail and no user is taken
// for an answer that does not say so.

import Glibc
import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite struct AnswerFuzzTests {
    private struct Dice {
        private var state: UInt64
        init(_ seed: UInt64) { self.state = seed &* 2 &+ 1 }
        mutating func roll(_ sides: Int) -> Int {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((self.state >> 33) % UInt64(sides))
        }
        mutating func text(_ pieces: [String]) -> String {
            (0..<self.roll(12)).map { _ in pieces[self.roll(pieces.count)] }.joined()
        }
    }

    /// `make fuzz` asks for more rounds by QP_FUZZ_ITERATIONS. Each is a whole plugin here.
    private static var rounds: Int {
        guard let text = getenv("QP_FUZZ_ITERATIONS"), let asked = Int(String(cString: text)) else { return 300 }
        return min(max(asked / 100, 300), 100_000)
    }

    /// Says its words, whatever it hears, and hangs up.
    private struct Babbler: ScriptedPeer {
        let hello: String
        let answer: String
        /// What its words are an answer to.
        let question: [UInt8]
        var hasClosed = false
        private var heard: [UInt8] = []

        init(_ hello: String, _ answer: String, to question: String) {
            self.hello = hello
            self.answer = answer
            self.question = Array(question.utf8)
        }

        mutating func connected() -> [UInt8] { Array(self.hello.utf8) }

        mutating func received(_ bytes: [UInt8]) -> [UInt8] {
            self.heard = Array((self.heard + bytes).suffix(4096))
            guard !self.hasClosed, self.heard.firstRange(of: self.question) != nil else { return [] }
            self.hasClosed = true
            return Array(self.answer.utf8)
        }
    }

    @Test func cleanup() async throws {
        let pieces = [
            "status", "reason", "queue_id", "\0", "\0", "\0\0", "0", "8", "2", "-1", "99999999999999999999", "x", " ",
            "\u{1B}", "ü", String(repeating: "y", count: 5000),
        ]
        var dice = Dice(41)
        for round in 0..<Self.rounds {
            let hello = round % 4 == 0 ? dice.text(pieces) : "queue_id\04XYZ\0\0"
            let answer = round % 8 == 1 ? "status\00\0\0" : dice.text(pieces)
            let harness = try PluginHarness(PostfixQueue.self)
            harness.connector.serve(
                .unix(path: "/var/spool/postfix/public/cleanup"), Babbler(hello, answer, to: "X\0E\0"))
            try harness.mail(to: ["bob@b.example"], "A: b\n")
            let verdict = try await harness.run(.queue)
            #expect(verdict.code != .declined)
            if verdict.code == .ok { #expect(answer.contains("status\00\0"), "\(answer.debugDescription)") }
            if round % 8 == 1, round % 4 != 0 { #expect(verdict.code == .ok) }
        }
    }

    @Test func dovecot() async throws {
        let pieces = [
            "OK", "FAIL", "CONT", "VERSION", "MECH", "PLAIN", "DONE", "\t", "\t", "\t1", "\t2", "1", "\n", "\n", "temp",
            "user=ann", "\0", "ü", "\r", String(repeating: "y", count: 9000),
        ]
        let usual = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nDONE\n"
        var dice = Dice(42)
        for round in 0..<Self.rounds {
            let hello = round % 4 == 0 ? dice.text(pieces) : usual
            let answer = round % 8 == 1 ? "OK\t1\tuser=ann\n" : dice.text(pieces)
            let harness = try PluginHarness(AuthDovecot.self, arguments: ["socket", "/run/auth"])
            harness.connector.serve(.unix(path: "/run/auth"), Babbler(hello, answer, to: "AUTH\t"))
            let event = AuthEvent(mechanism: "plain", user: "ann", password: "secret")
            let verdict = try await harness.run(.authPlain, event)
            let text = "\n" + hello + answer
            if verdict.code == .ok { #expect(text.contains("OK\t1"), "\(text.debugDescription)") }
            if round % 8 == 1 { #expect(verdict.code == .ok) }
            #expect(!harness.log.lines.joined().contains("secret"))
        }
    }
}
