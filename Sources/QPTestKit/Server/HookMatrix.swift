// HookMatrix.swift
//
// What each constant means on each hook, as a table: for the engine alone and for a server behind a socket.

public import QPHooks
import Synchronization

/// Every hook of a session, every constant, and a handler that throws: what the client sees.
public enum HookMatrix {
    /// What the plugin under test does.
    public enum Answer: String, Sendable, Hashable, CaseIterable {
        case ok, deny, denysoft, denyDisconnect, denysoftDisconnect, declined, done, thrown

        /// The constant; `nil`: it throws.
        public var code: ReturnCode? {
            switch self {
            case .ok: .ok
            case .deny: .deny
            case .denysoft: .denysoft
            case .denyDisconnect: .denyDisconnect
            case .denysoftDisconnect: .denysoftDisconnect
            case .declined: .declined
            case .done: .done
            case .thrown: nil
            }
        }
    }

    /// One thing the client sends and the codes of all replies to it. The first one sends nothing: the greeting.
    public struct Exchange: Sendable, Hashable {
        /// In wire form.
        public let send: String
        /// The codes of the replies; a reply of several lines counts once.
        public let codes: [Int]
    }

    /// One hook, one answer.
    public struct Row: Sendable, CustomStringConvertible {
        /// The hook.
        public let hook: HookID
        /// What the plugin `subject` answers there.
        public let answer: Answer
        /// Whether messages come with BDAT.
        public let isChunked: Bool
        /// The session, in order. If it does not end with the server closing, send QUIT (221) afterwards.
        public let exchanges: [Exchange]
        /// Whether the server closes after the last exchange.
        public let closes: Bool
        /// How often reset_transaction has run when all is over.
        public let resets: Int
        /// How often disconnect and post-connection have run when all is over.
        public let farewells: Int
        /// What deny or ok learned of `subject`, each time; `nil`: nothing.
        public let told: Told?

        public var description: String {
            "\(self.hook.name)\(self.isChunked ? " (BDAT)" : "") \(self.answer.code?.name ?? "throws")"
        }
    }

    /// What a deny or ok hook learned.
    public struct Told: Sendable, Hashable {
        /// `deny` or `ok`.
        public let by: HookID
        /// The hook that was answered.
        public let hook: HookID
        /// With what.
        public let code: ReturnCode
        /// And which text.
        public let text: String
    }

    /// What the plugins of a row saw.
    public final class Witness: Sendable {
        private struct State {
            var runs: [HookID: Int] = [:]
            var told: [Told] = []
        }
        private let state = Mutex(State())

        /// Nothing seen.
        public init() {}

        /// How often a hook of the witness has run (reset_transaction, disconnect, post-connection, queue_post).
        public func runs(of hook: HookID) -> Int { self.state.withLock { $0.runs[hook] ?? 0 } }
        /// What deny and ok learned of `subject`.
        public var told: [Told] { self.state.withLock(\.told) }

        func ran(_ hook: HookID) { self.state.withLock { $0.runs[hook, default: 0] += 1 } }
        func learned(_ told: Told) { self.state.withLock { $0.told.append(told) } }
    }

    /// An error that a handler throws.
    public struct Failure: Error {
        /// Makes one.
        public init() {}
    }

    /// All rows.
    public static let rows: [Row] = Self.table.flatMap { line in
        Answer.allCases.enumerated().compactMap { index, answer in
            Outcome(line.outcomes[index]).map { line.row(answer, $0) }
        }
    }

    /// The plugins of a row, in order.
    public static func plugins(for row: Row, _ witness: Witness) -> [(name: String, plugin: ScriptedPlugin)] {
        let script: HookScript
        if let code = row.answer.code {
            script = .atOnce { _ in code }
        } else {
            script = .atOnce { _ in throw Failure() }
        }
        return Self.plugins(for: row.hook, script, witness)
    }

    /// A witness, a plugin `subject` that answers a hook, and one that accepts recipients and mail.
    public static func plugins(
        for hook: HookID, _ script: HookScript, _ witness: Witness
    ) -> [(name: String, plugin: ScriptedPlugin)] {
        [
            ("witness", ScriptedPlugin { Self.watch(&$0, witness) }),
            ("subject", ScriptedPlugin { $0.answer(hook, script) }),
            (
                "support",
                ScriptedPlugin { hooks in
                    if hook != .rcpt { hooks.on(.rcpt) { _, _ in .ok } }
                    if hook != .queue { hooks.on(.queue) { _, _ in .ok("queued") } }
                    if hook == .authParse { hooks.on(.auth) { _, _ in .ok } }
                    if hook == .deny { hooks.on(.noop) { _, _ in .deny("no") } }
                    if hook == .ok { hooks.on(.noop) { _, _ in .ok } }
                }
            ),
        ]
    }

    private static func watch(_ hooks: inout HookTable, _ witness: Witness) {
        for hook in [HookID.resetTransaction, .disconnect, .postConnection, .queuePost] {
            hooks.answer(
                hook,
                .atOnce { _ in
                    witness.ran(hook)
                    return .declined
                })
        }
        hooks.on(.deny) { event, _ in Self.tell(.deny, event, witness) }
        hooks.on(.ok) { event, _ in Self.tell(.ok, event, witness) }
    }

    private static func tell(_ hook: HookID, _ event: AnswerEvent, _ witness: Witness) -> Verdict<Void> {
        if event.plugin == "subject" {
            witness.learned(Told(by: hook, hook: event.hook, code: event.code, text: event.text))
        }
        return .declined
    }
}

// MARK: The table

extension HookMatrix {
    /// A line of the table: codes the client sees, `close` if the server closes, `reset` if the mail is forgotten.
    fileprivate struct Line {
        let hook: HookID
        var isChunked = false
        let outcomes: [String]

        init(_ hook: HookID, chunked: Bool = false, _ outcomes: String...) {
            self.hook = hook
            self.isChunked = chunked
            self.outcomes = outcomes
        }
    }

    /// Columns: OK, DENY, DENYSOFT, DENY_DISCONNECT, DENYSOFT_DISCONNECT, DECLINED, DONE, throws.
    private static let table: [Line] = [
        Line(.preConnection, "220", "550 close", "451 close", "550 close", "451 close", "220", "220", "220"),
        Line(.connect, "220", "550 close", "450 close", "550 close", "450 close", "220", "", "220"),
        Line(.heloParse, "250", "250", "250", "250", "250", "250", "250", "250"),
        Line(.helo, "250", "550", "450", "550 close", "450 close", "250", "", "250"),
        Line(.ehloParse, "250", "250", "250", "250", "250", "250", "250", "250"),
        Line(.ehlo, "250", "550", "450", "550 close", "450 close", "250", "", "250"),
        Line(.authParse, "235", "235", "235", "235", "235", "235", "235", "235"),
        Line(.authPlain, "235", "535", "535", "535", "535", "535", "", "454"),
        Line(.authLogin, "235", "535", "535", "535", "535", "535", "", "454"),
        Line(.authCramMD5, "235", "535", "535", "535", "535", "535", "", "454"),
        Line(.auth, "235", "535", "535", "535", "535", "535", "", "454"),
        Line(.mailParse, "250", "250", "250", "250", "250", "250", "250", "250"),
        Line(.mailPre, "250", "250", "250", "250", "250", "250", "250", "250"),
        Line(.mail, "250", "550", "450", "550 close", "421 close", "250", "", "250"),
        Line(.rcptParse, "250", "250", "250", "250", "250", "250", "250", "250"),
        Line(.rcptPre, "250", "250", "250", "250", "250", "250", "250", "250"),
        Line(.rcpt, "250", "550", "450", "550 close", "421 close", "450", "", "450"),
        Line(.data, "354", "554 reset", "451 reset", "554 close", "451 close", "354", "", "451 reset"),
        Line(
            .dataHeadersEnd, "250 reset", "250 reset", "250 reset", "554 close", "421 close", "250 reset",
            "250 reset", "250 reset"),
        Line(
            .dataPostHeaders, "250 reset", "250 reset", "250 reset", "250 reset", "250 reset", "250 reset",
            "250 reset", "250 reset"),
        Line(
            .receivedLine, "250 reset", "250 reset", "250 reset", "250 reset", "250 reset", "250 reset",
            "250 reset", "250 reset"),
        Line(
            .dataPost, "250 reset", "552 reset", "452 reset", "552 close", "452 close", "250 reset", "", "452 reset"),
        Line(
            .queuePre, "250 reset", "451 reset", "451 reset", "451 reset", "451 reset", "250 reset", "", "250 reset"),
        Line(
            .queue, "250 reset", "552 reset", "452 reset", "451 reset", "451 reset", "451 reset", "reset",
            "452 reset"),
        Line(
            .queuePost, "250 reset", "250 reset", "250 reset", "250 reset", "250 reset", "250 reset", "250 reset",
            "250 reset"),
        // Two chunks in one packet: the codes of both.
        Line(
            .data, chunked: true, "250 250 reset", "554 503 reset", "451 503 reset", "554 close", "451 close",
            "250 250 reset", "", "451 503 reset"),
        Line(
            .dataHeadersEnd, chunked: true, "250 250 reset", "250 250 reset", "250 250 reset", "554 close",
            "421 close", "250 250 reset", "250 250 reset", "250 250 reset"),
        Line(
            .dataPost, chunked: true, "250 250 reset", "250 552 reset", "250 452 reset", "250 552 close",
            "250 452 close", "250 250 reset", "250", "250 452 reset"),
        Line(
            .queuePre, chunked: true, "250 250 reset", "250 451 reset", "250 451 reset", "250 451 reset",
            "250 451 reset", "250 250 reset", "250", "250 250 reset"),
        Line(
            .queue, chunked: true, "250 250 reset", "250 552 reset", "250 452 reset", "250 451 reset",
            "250 451 reset", "250 451 reset", "250 reset", "250 452 reset"),
        Line(.vrfy, "250", "554 reset", "252", "252", "252", "252", "", "252"),
        Line(.noop, "250", "500", "250", "500 close", "250", "250", "", "250"),
        Line(.help, "214", "500", "214", "214", "214", "214", "", "214"),
        Line(.unrecognizedCommand, "500", "500", "500", "521 close", "500", "500", "", "500"),
        Line(
            .quit, "221 close", "221 close", "221 close", "221 close", "221 close", "221 close", "close",
            "221 close"),
        Line(
            .resetTransaction, "250 reset", "250 reset", "250 reset", "250 reset", "250 reset", "250 reset",
            "250 reset", "250 reset"),
        Line(
            .disconnect, "221 close", "221 close", "221 close", "221 close", "221 close", "221 close", "221 close",
            "221 close"),
        Line(
            .postConnection, "221 close", "221 close", "221 close", "221 close", "221 close", "221 close",
            "221 close", "221 close"),
        Line(.deny, "500", "500", "500", "500", "500", "500", "500", "500"),
        Line(.ok, "250", "250", "250", "250", "250", "250", "250", "250"),
    ]

    fileprivate struct Outcome {
        let codes: [Int]
        let closes: Bool
        let resets: Bool

        init?(_ text: String) {
            let words = text.split(separator: " ")
            self.codes = words.compactMap { Int($0) }
            self.closes = words.contains("close")
            self.resets = words.contains("reset")
        }
    }
}

// MARK: The session of a row

extension HookMatrix.Line {
    private static let mail = "MAIL FROM:<a@client.example>\r\n"
    private static let recipient = "RCPT TO:<b@server.example>\r\n"
    static let message = "Subject: matrix\r\n\r\nhello\r\n.\r\n"
    static let chunks = "BDAT 22\r\nSubject: matrix\r\n\r\none" + "BDAT 5 LAST\r\ntwo\r\n"

    fileprivate func row(_ answer: HookMatrix.Answer, _ outcome: HookMatrix.Outcome) -> HookMatrix.Row {
        var exchanges = self.approach
        exchanges.append(.init(send: self.stimulus, codes: outcome.codes))
        let probes = outcome.closes ? [] : self.probes(answer, outcome)
        exchanges += probes
        let isRefusedArrival = self.hook == .preConnection && outcome.closes
        let beginnings = exchanges.count { $0.send.hasPrefix("MAIL") && $0.codes != [503] }
        // A mail that was accepted in a probe is forgotten as well.
        let probed = probes.last?.send == Self.message ? 1 : 0
        return HookMatrix.Row(
            hook: self.hook, answer: answer, isChunked: self.isChunked, exchanges: exchanges, closes: outcome.closes,
            resets: isRefusedArrival ? 0 : beginnings + (outcome.resets ? 1 : 0) + probed + 1,
            farewells: isRefusedArrival ? 0 : 1, told: self.told(answer))
    }

    /// What comes before the hook.
    private var approach: [HookMatrix.Exchange] {
        let greeting = HookMatrix.Exchange(send: "", codes: [220])
        let hello = HookMatrix.Exchange(send: "EHLO client.example\r\n", codes: [250])
        let mail = HookMatrix.Exchange(send: Self.mail, codes: [250])
        let recipient = HookMatrix.Exchange(send: Self.recipient, codes: [250])
        switch self.hook {
        case .preConnection, .connect: return []
        case .helo, .heloParse, .ehlo, .ehloParse, .noop, .help, .unrecognizedCommand, .quit, .disconnect,
            .postConnection, .deny, .ok:
            return [greeting]
        case .mail, .mailParse, .mailPre, .authParse, .authPlain, .auth: return [greeting, hello]
        case .authLogin:
            return [
                greeting, hello, .init(send: "AUTH LOGIN\r\n", codes: [334]), .init(send: "YW5u\r\n", codes: [334]),
            ]
        case .authCramMD5: return [greeting, hello, .init(send: "AUTH CRAM-MD5\r\n", codes: [334])]
        case .rcpt, .rcptParse, .rcptPre: return [greeting, hello, mail]
        case .dataHeadersEnd, .dataPostHeaders, .receivedLine, .dataPost, .queuePre, .queue, .queuePost:
            let data = HookMatrix.Exchange(send: "DATA\r\n", codes: [354])
            return [greeting, hello, mail, recipient] + (self.isChunked ? [] : [data])
        default: return [greeting, hello, mail, recipient]
        }
    }

    /// What makes the hook run.
    private var stimulus: String {
        if self.isChunked { return Self.chunks }
        switch self.hook {
        case .helo, .heloParse: return "HELO client.example\r\n"
        case .ehlo, .ehloParse: return "EHLO client.example\r\n"
        case .mail, .mailParse, .mailPre: return Self.mail
        // NUL ann NUL x
        case .authParse, .authPlain, .auth: return "AUTH PLAIN AGFubgB4\r\n"
        case .authLogin: return "eA==\r\n"
        // ann 00000000000000000000000000000000
        case .authCramMD5: return "YW5uIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw\r\n"
        case .rcpt, .rcptParse, .rcptPre: return Self.recipient
        case .data: return "DATA\r\n"
        case .dataHeadersEnd, .dataPostHeaders, .receivedLine, .dataPost, .queuePre, .queue, .queuePost:
            return Self.message
        case .vrfy: return "VRFY postmaster\r\n"
        case .noop, .deny, .ok: return "NOOP\r\n"
        case .help: return "HELP\r\n"
        case .unrecognizedCommand: return "XTEST some words\r\n"
        case .quit, .disconnect, .postConnection: return "QUIT\r\n"
        case .resetTransaction: return "RSET\r\n"
        default: return ""
        }
    }

    /// What shows in which state the hook left the session.
    private func probes(_ answer: HookMatrix.Answer, _ outcome: HookMatrix.Outcome) -> [HookMatrix.Exchange] {
        switch self.hook {
        case .authParse, .auth, .authPlain, .authLogin, .authCramMD5:
            return [.init(send: "AUTH X-UNKNOWN\r\n", codes: outcome.codes == [235] ? [503] : [504])]
        case .helo, .ehlo: return [.init(send: Self.mail, codes: outcome.codes == [250] ? [250] : [503])]
        case .mail, .mailParse, .mailPre, .rcptParse, .rcptPre:
            return [.init(send: Self.recipient, codes: outcome.codes == [250] ? [250] : [503])]
        case .rcpt:
            guard outcome.codes == [250] else { return [.init(send: "DATA\r\n", codes: [503])] }
            return [.init(send: "DATA\r\n", codes: [354]), .init(send: Self.message, codes: [250])]
        case .data where outcome.codes == [354]: return [.init(send: Self.message, codes: [250])]
        case .data, .dataHeadersEnd, .dataPostHeaders, .receivedLine, .dataPost, .queuePre, .queue, .queuePost, .vrfy,
            .resetTransaction:
            return [.init(send: Self.recipient, codes: outcome.resets ? [503] : [250])]
        default: return [.init(send: "EHLO again.example\r\n", codes: [250])]
        }
    }

    private func told(_ answer: HookMatrix.Answer) -> HookMatrix.Told? {
        guard self.hook != .deny, self.hook != .ok else { return nil }
        if let code = answer.code {
            return .init(
                by: code.isRefusal ? .deny : .ok, hook: self.hook, code: code, text: code.isRefusal ? "reason" : "")
        }
        switch self.hook {
        // architecture.md, Hooks: the failure policy.
        case .rcpt, .data, .dataPost, .queue: return .init(by: .deny, hook: self.hook, code: .denysoft, text: "")
        default: return .init(by: .ok, hook: self.hook, code: .declined, text: "")
        }
    }
}
