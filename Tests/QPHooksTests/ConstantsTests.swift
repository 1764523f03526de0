// ConstantsTests.swift
//
// Return constants, levels, hook names.

import QPHooks
import QPTestKit
import Testing

@Suite("constants")
struct ConstantsTests {
    @Test(arguments: [
        Row("OK", ReturnCode.ok, 900), Row("DENY", .deny, 901), Row("DENYSOFT", .denysoft, 902),
        Row("DENY_DISCONNECT", .denyDisconnect, 903), Row("DENYSOFT_DISCONNECT", .denysoftDisconnect, 904),
        Row("DECLINED", .declined, 909), Row("DONE", .done, 910),
    ])
    func returnCodes(_ row: Row<ReturnCode, Int>) {
        #expect(row.input.number == row.expected)
        #expect(row.input.name == row.testDescription)
        #expect(ReturnCode(name: row.testDescription) == row.input)
        #expect(ReturnCode(number: row.expected) == row.input)
    }

    @Test("claim 44: YIELD is no constant of plugins, nor is anything else") func nothingElseIsOne() {
        #expect(ReturnCode(name: "DENYHARD") == .denyDisconnect)
        for name in ["ok", "YIELD", "", "OK ", "901"] { #expect(ReturnCode(name: name) == nil) }
        for number in [0, 1, 90, 905, 908, 911, -900, 123_456] { #expect(ReturnCode(number: number) == nil) }
        #expect(ReturnCode.allCases.filter(\.isRefusal).map(\.number) == [901, 902, 903, 904])
    }

    @Test func hookNames() {
        #expect(HookID.allCases.count == 39)
        for hook in HookID.allCases { #expect(HookID(name: hook.name) == hook) }
        #expect(HookID.authCramMD5.methodName == "hook_auth_cram_md5")
        #expect(HookID.preConnection.methodName == "hook_pre_connection")
        #expect(HookID(name: "unrecognized_command_parse") == nil)
        #expect(HookID(name: "bogus_hook") == nil)
    }

    @Test("claim 28: the eight levels, LOGEMERG 0 to LOGDEBUG 7") func levels() {
        #expect(LogLevel.allCases.map(\.rawValue) == Array(0...7))
        for level in LogLevel.allCases {
            #expect(LogLevel(level.name) == level)
            #expect(LogLevel(String(level.rawValue)) == level)
        }
        #expect(LogLevel("LOGRADAR") == .emergency)
        for text in ["8", "-1", "WARN", "logwarn", "", "+3x"] { #expect(LogLevel(text) == nil) }
        #expect(LogLevel.error < .warning)
    }

    @Test(
        arguments: [
            Row("a digit", "3", [LogLevel.error, .error, .error]),
            Row("less serious", "+1", [.alert, .notice, .debug]),
            Row("more serious", "-2", [.emergency, .critical, .notice]),
            Row("far less", "+100", [.debug, .debug, .debug]),
            Row("no number", "loud", nil), Row("two digits", "12", nil), Row("a sign alone", "+", nil),
            Row("beyond all", "+1000", nil),
        ] as [Row<String, [LogLevel]?>])
    func adjustments(_ row: Row<String, [LogLevel]?>) {
        let adjustment = LogAdjustment(row.input)
        let adjusted = adjustment.map { adjustment in
            [LogLevel.emergency, .warning, .debug].map { adjustment.adjusted($0) }
        }
        #expect(adjusted == row.expected)
    }

    @Test func sessionNames() {
        let id = SessionID(bits: 0x0123_4567_89AB_CDEF)
        #expect(id.description.utf8.count == 12)
        #expect(SessionID(id.description) == id)
        #expect(SessionID(id.description + ".2") == id)
        for text in ["", "0", "00000000000i", "0000000000000", "00000000000é"] { #expect(SessionID(text) == nil) }
    }
}
