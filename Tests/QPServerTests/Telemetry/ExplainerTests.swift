// ExplainerTests.swift
//
// What decided, out of the runs of a session.

import QPActors
import QPHooks
import QPTelemetry
import Testing

@testable import QPServer

@Suite struct ExplainerTests {
    /// `plugin hook VERDICT` with flags behind it; `!`: it decided.
    private static func entry(_ text: String) -> TrailEntry {
        let words = text.split(separator: " ").map(String.init)
        var entry = TrailEntry(hook: words[1], plugin: words[0], verdict: words[2])
        entry.flags = words.dropFirst(3).filter { $0 != "!" }
        entry.decided = words.contains("!")
        entry.text = "text of \(words[0])"
        return entry
    }

    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let runs: [String]
        var note: String?
        /// Plugin, hook, and the plugin that carried it out.
        let decision: [String]
    }

    static let samples = [
        Sample(testDescription: "nobody ran", runs: [], decision: []),
        Sample(testDescription: "nobody had an opinion", runs: ["a mail DECLINED"], decision: []),
        Sample(testDescription: "a refusal", runs: ["a mail DECLINED", "b mail DENY !"], decision: ["b", "mail"]),
        Sample(
            testDescription: "the last refusal", runs: ["a rcpt DENY !", "b rcpt DENYSOFT !"], decision: ["b", "rcpt"]),
        Sample(
            testDescription: "a refusal weighs more", runs: ["a rcpt DENY !", "q queue OK !"], decision: ["a", "rcpt"]),
        Sample(testDescription: "who took it", runs: ["a rcpt OK !", "q queue OK !"], decision: ["q", "queue"]),
        Sample(testDescription: "a shadow", runs: ["a mail DENY shadow !", "q queue OK !"], decision: ["q", "queue"]),
        Sample(
            testDescription: "who was only told", runs: ["a mail DENY !", "karma deny DENY !"], decision: ["a", "mail"]),
        Sample(
            testDescription: "naughty", runs: ["dnsbl connect DECLINED", "naughty rcpt DENY !"],
            note: "(dnsbl) listed", decision: ["dnsbl", "connect", "naughty"]),
        Sample(
            testDescription: "naughty, a second one", runs: ["spf mail DECLINED", "naughty:1 data DENY_DISCONNECT !"],
            note: "(spf) no\n(dnsbl) listed", decision: ["spf", "mail", "naughty:1"]),
        Sample(
            testDescription: "naughty on its own", runs: ["naughty rcpt DENY !"], note: nil,
            decision: ["naughty", "rcpt"]),
        Sample(
            testDescription: "a note without a name", runs: ["naughty rcpt DENY !"], note: "just so",
            decision: ["naughty", "rcpt"]),
        Sample(
            testDescription: "the note was not asked", runs: ["dnsbl connect DECLINED", "b rcpt DENY !"],
            note: "(dnsbl) listed", decision: ["b", "rcpt"]),
        Sample(
            testDescription: "its run is not known", runs: ["naughty rcpt DENY !"], note: "(dnsbl) listed",
            decision: ["dnsbl", "rcpt", "naughty"]),
    ]

    @Test(arguments: samples)
    func decisions(_ sample: Sample) {
        let decision = Explainer.decision(sample.runs.map(Self.entry), naughty: sample.note)
        #expect(decision.map { [$0.plugin, $0.hook] + ($0.via.map { [$0] } ?? []) } ?? [] == sample.decision)
    }

    @Test func entries() {
        let records = [
            (HookID.connect, ReturnCode.declined, HookRecord.Flags(), UInt16(0), UInt32(1500)),
            (.mail, .deny, .decided, 1, .max), (.queue, .ok, [.decided, .shadow], 2, 0),
            (.quit, .denysoft, .timedOut, 9, 0),
        ].map { hook, verdict, flags, text, nanoseconds in
            HookRecord(
                hook: hook, plugin: hook == .quit ? 7 : 0, verdict: verdict, flags: flags, text: text, offset: 1000,
                nanoseconds: nanoseconds, bucket: LatencyScale.bucket(of: 10_000_000_000))
        }
        let part = TrailPart(records: records, texts: ["5.1.8 go away", "5.1.8 no refusal"], dropped: 0)
        let entries = Explainer.entries(part, ["a"], transaction: 3)
        #expect(entries.map(\.plugin) == ["a", "a", "a", "?"])
        #expect(entries.map(\.transaction) == [0, 3, 3, 0])
        #expect(entries.map(\.status) == [nil, "5.1.8", nil, nil])
        #expect(entries.map(\.text) == ["", "go away", "5.1.8 no refusal", ""])
        #expect(entries.map(\.flags) == [[], [], ["shadow"], ["timed_out"]])
        #expect(entries.map(\.decided) == [false, true, true, false])
        #expect(entries[0].microseconds == 1.5 && entries[0].offset == 1024)
        // Longer than the field: the bucket goes on.
        #expect(entries[1].microseconds >= 10_000_000)
    }

    @Test func nothingKnown() {
        #expect(Explainer.detail([], live: nil, names: []) == nil)
    }
}
