// VerdictTests.swift
//
// What handlers answer.

import QPHooks
import QPTestKit
import Testing

@Suite("verdicts")
struct VerdictTests {
    @Test(arguments: [
        Row("declined", Verdict<Void>.declined, (ReturnCode.declined, "")),
        Row("declined with a text", .declinedSaying("no"), (.declined, "no")),
        Row("done", .done, (.done, "")),
        Row("ok", .ok, (.ok, "")),
        Row("ok with a text", .ok("fine"), (.ok, "fine")),
        Row("deny", .deny("a", .notAuthorized), (.deny, "a")),
        Row("denysoft", .denysoft("a"), (.denysoft, "a")),
        Row("deny and close", .denyDisconnect("a"), (.denyDisconnect, "a")),
        Row("denysoft and close", .denysoftDisconnect(), (.denysoftDisconnect, "")),
    ])
    func codesAndTexts(_ row: Row<Verdict<Void>, (ReturnCode, String)>) {
        #expect(row.input.code == row.expected.0)
        #expect(row.input.text == row.expected.1)
        #expect((row.input.denial != nil) == row.input.code.isRefusal)
        #expect(
            row.input.denial?.kind.disconnects
                == (row.input.code.isRefusal ? row.testDescription.contains("close") : nil))
        #expect(
            row.input.denial?.kind.isSoft == (row.input.code.isRefusal ? row.testDescription.contains("soft") : nil))
    }

    @Test func values() {
        #expect(Verdict<String>.ok("<a@b>").value == "<a@b>")
        #expect(Verdict<String>.declined.value == nil)
        #expect(Verdict<Delivery>.ok.value == .whole)
        #expect(Verdict<Delivery>.ok("Queued").text == "Queued")
        #expect(Verdict<Void>.ok == .ok(""))
        #expect(Verdict<Void>.deny("a") != .deny("b"))
        #expect(Verdict<Void>.deny("a", .notAuthorized) != .deny("a"))
    }
}

@Suite("reject policy")
struct RejectPolicyTests {
    @Test(
        arguments: [
            Row("nothing said", (nil, nil), (RejectPolicy.Mode.refuse, Denial.Kind.deny)),
            Row("reject 0", ("0", nil), (.tolerate, .deny)),
            Row("reject 1", ("1", nil), (.refuse, .deny)),
            Row("naughty", ("naughty", "disconnect"), (.naughty, .denyDisconnect)),
            Row("another word", ("connect", "SOFT"), (.refuse, .denysoft)),
            Row("hard", (nil, "hard"), (.refuse, .deny)),
        ] as [Row<(String?, String?), (RejectPolicy.Mode, Denial.Kind)>])
    func arguments(_ row: Row<(String?, String?), (RejectPolicy.Mode, Denial.Kind)>) throws {
        let policy = try RejectPolicy(reject: row.input.0, type: row.input.1)
        #expect(policy.mode == row.expected.0)
        #expect(policy.kind == row.expected.1)
    }

    @Test func unknownTypesAreErrors() {
        #expect(throws: PluginError.self) { try RejectPolicy(reject: nil, type: "sometimes") }
    }

    @Test func keyedArguments() throws {
        let arguments = try KeyedArguments(["a", "1", "b", "two"], allowed: ["a", "b", "c"])
        #expect(arguments["a"] == "1")
        #expect(arguments["b"] == "two")
        #expect(arguments["c"] == nil)
        for words in [["x", "1"], ["a"], ["a", "1", "a", "2"]] {
            #expect(throws: PluginError.self) { try KeyedArguments(words, allowed: ["a"]) }
        }
    }
}
