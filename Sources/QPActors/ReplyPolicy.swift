// ReplyPolicy.swift
//
// Which reply a verdict becomes: the one place where hooks meet reply codes.

import QPHooks

enum ReplyPolicy {
    /// The reply to a refusal; `nil`: this hook's refusals have none.
    static func reply(to denial: Denial, at hook: HookID) -> Reply? {
        guard let row = Self.row(hook) else { return nil }
        let code: Int
        switch denial.kind {
        case .deny: code = row.hard
        case .denyDisconnect: code = row.hardClose
        case .denysoft: code = row.soft
        case .denysoftDisconnect: code = row.softClose
        }
        var text = denial.text
        var status = denial.status
        if status == nil {
            let extracted = EnhancedStatus.extract(fromTextEnding: text)
            text = extracted.text
            status = extracted.status
        }
        if text.isEmpty { text = denial.kind.isSoft ? row.softText : row.hardText }
        return Reply(code, status ?? row.status, text)
    }

    private struct Row {
        let hard: Int, hardClose: Int, soft: Int, softClose: Int
        let status: EnhancedStatus
        let hardText: String, softText: String
    }

    private static func row(_ hook: HookID) -> Row? {
        switch hook {
        case .preConnection:
            Row(
                hard: 550, hardClose: 550, soft: 451, softClose: 451, status: .notAuthorized,
                hardText: "service not available to you", softText: "try again later")
        case .connect:
            Row(
                hard: 550, hardClose: 550, soft: 450, softClose: 450, status: .notAuthorized,
                hardText: "connection refused", softText: "connection deferred, try again later")
        case .helo, .ehlo:
            Row(
                hard: 550, hardClose: 550, soft: 450, softClose: 450, status: .notAuthorized,
                hardText: "greeting refused", softText: "greeting deferred, try again later")
        case .mail:
            Row(
                hard: 550, hardClose: 550, soft: 450, softClose: 421, status: .notAuthorized,
                hardText: "sender refused", softText: "sender deferred, try again later")
        case .rcpt:
            Row(
                hard: 550, hardClose: 550, soft: 450, softClose: 421, status: .notAuthorized,
                hardText: "relaying denied", softText: "recipient deferred, try again later")
        case .data:
            Row(
                hard: 554, hardClose: 554, soft: 451, softClose: 451, status: .notAuthorized,
                hardText: "message refused", softText: "message deferred, try again later")
        case .dataHeadersEnd:
            Row(
                hard: 554, hardClose: 554, soft: 421, softClose: 421, status: .notAuthorized,
                hardText: "message refused", softText: "message deferred, try again later")
        case .dataPost:
            Row(
                hard: 552, hardClose: 552, soft: 452, softClose: 452, status: .notAuthorized,
                hardText: "message refused", softText: "message deferred, try again later")
        case .queue:
            // The reference answers both `_DISCONNECT` codes like DECLINED: 451, and stays connected.
            Row(
                hard: 552, hardClose: 451, soft: 452, softClose: 451, status: .otherSystem,
                hardText: "message refused", softText: "message deferred, try again later")
        case .vrfy:
            Row(
                hard: 554, hardClose: 554, soft: 252, softClose: 252, status: .notAuthorized,
                hardText: "not allowed", softText: "")
        case .noop:
            Row(
                hard: 500, hardClose: 500, soft: 250, softClose: 250, status: .invalidCommand,
                hardText: "command refused", softText: "OK")
        case .help:
            Row(
                hard: 500, hardClose: 500, soft: 500, softClose: 500, status: .syntaxError,
                hardText: "syntax error", softText: "syntax error")
        case .unrecognizedCommand:
            Row(
                hard: 500, hardClose: 521, soft: 500, softClose: 500, status: .invalidCommand,
                hardText: "command not recognized", softText: "command not recognized")
        case .logging, .config, .userConfig, .postFork, .ehloParse, .heloParse, .authParse, .auth, .authPlain,
            .authLogin, .authCramMD5, .rcptParse, .rcptPre, .mailParse, .mailPre, .dataPostHeaders, .queuePre,
            .queuePost, .quit, .resetTransaction, .disconnect, .postConnection, .deny, .ok, .receivedLine:
            nil
        }
    }

    /// A 5xx as the 4xx that `soft_bounce` makes of it.
    static func softened(_ reply: Reply) -> Reply {
        guard reply.code >= 500 else { return reply }
        return Reply(reply.code - 100, reply.status, lines: reply.lines)
    }
}
