// EarlyTalker.swift
//
// RFC 5321 §4.3.1 (a client waits for the greeting); RFC 2920 §3.1 (DATA ends a pipelined group)

public import QPHooks

/// Turns away clients that talk before it is their turn.
public struct EarlyTalker: Plugin {
    public static let name = "earlytalker"

    public static let manual = """
        earlytalker [wait SECONDS] [check-at CONNECT|DATA]... [defer-reject 1] [reject 0|1|naughty]
                    [reject_type perm|temp|disconnect|temp_disconnect]

        Waits before the greeting (default 1 second; fractions will do, 25 at most) and turns away clients that send
        something meanwhile. With `check-at DATA` it does the same between DATA and its answer, where what came in one
        packet with DATA counts; `check-at CONNECT` must then be said if it is wanted as well. A message that comes in
        chunks (BDAT) may be sent at once and is not looked at.

        reject_type is temp unless given. With `defer-reject 1` an early talker is greeted, and its MAIL is refused.
        Relay clients, white-listed hosts and those with a good history (note karma_history above 5) do not wait. The
        note earlytalker_wait of a connection, set by a plugin before this one, is its time to wait.
        Early talkers have the note earlytalker 1 and lose one of karma.

        The old form `action deny`, `denysoft`, `deny_disconnect`, `denysoft_disconnect` or `log` is understood.
        """

    private static let early = NoteKey<Int>("earlytalker")
    private static let text = "Connecting host started transmitting before it was its turn"
    /// Below the time limit of a handler.
    private static let longestWait = 25.0
    private static let actions: [String: (reject: String, type: String)] = [
        "deny": ("1", "perm"), "denysoft": ("1", "temp"), "deny_disconnect": ("1", "disconnect"),
        "denyhard": ("1", "disconnect"), "denysoft_disconnect": ("1", "temp_disconnect"), "log": ("0", "temp"),
    ]

    private let policy: RejectPolicy
    private let wait: Double
    private let places: Set<String>
    private let isDeferred: Bool

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(
            ["wait", "reject", "reject_type", "defer-reject", "action"], repeatable: ["check-at"])
        let action = arguments["action"].map { Self.actions[$0.lowercased()] }
        if case .some(.none) = action {
            throw .argument("action is none of \(Self.actions.keys.sorted().joined(separator: ", "))")
        }
        self.policy = try RejectPolicy(
            reject: arguments["reject"] ?? action??.reject, type: arguments["reject_type"] ?? action??.type,
            defaultKind: .denysoft)
        let wait = arguments["wait"] ?? "1"
        guard let seconds = Double(wait), (0...Self.longestWait).contains(seconds) else {
            throw .argument("wait '\(wait)' is no number of seconds, 0 to 25")
        }
        self.wait = seconds
        let places = arguments.all("check-at").map { $0.uppercased() }
        guard Set(places).isSubset(of: ["CONNECT", "DATA"]) else { throw .argument("check-at is CONNECT or DATA") }
        self.places = places.isEmpty ? ["CONNECT"] : Set(places)
        self.isDeferred = (arguments["defer-reject"] ?? "0") != "0"
    }

    public func register(on hooks: inout HookTable) {
        if self.places.contains("CONNECT") {
            hooks.on(.connect, self.checkAtConnect)
            if self.isDeferred { hooks.on(.mail, self.refuseLater) }
        }
        if self.places.contains("DATA") { hooks.on(.data, self.checkAtData) }
    }

    @Sendable
    func checkAtConnect(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Void> {
        guard !self.spares(session), await self.talksEarly(session) else { return .declined }
        guard self.isDeferred else { return self.policy.verdict(Self.text, .otherProtocol, in: session) }
        session.log.info("fail, to be refused at MAIL")
        return .declined
    }

    @Sendable
    func checkAtData(_ event: DataEvent, in session: SessionContext) async -> Verdict<Void> {
        // RFC 3030 §2: the octets of a chunk follow BDAT at once.
        guard !event.isChunked, !self.spares(session), await self.talksEarly(session) else { return .declined }
        return self.policy.verdict(Self.text, .otherProtocol, in: session)
    }

    @Sendable
    func refuseLater(_ event: MailEvent, in session: SessionContext) -> Verdict<Void> {
        guard session.notes[Self.early] == 1, !session.isImmune else { return .declined }
        return self.policy.verdict(Self.text, .otherProtocol, in: session)
    }

    private func spares(_ session: SessionContext) -> Bool {
        if session.isImmune { return true }
        guard let history = session.notes[NoteKey<Int>("karma_history")], history > 5 else { return false }
        session.log.info("skip, good history \(history)")
        return true
    }

    private func talksEarly(_ session: SessionContext) async -> Bool {
        let note = session.notes[NoteKey<Double>("earlytalker_wait")]
        let seconds = note.flatMap { (0...Self.longestWait).contains($0) ? $0 : nil } ?? self.wait
        if session.input.waitingOctets == 0 {
            guard await session.input.arrives(within: .milliseconds(Int64(seconds * 1000))) else {
                session.log.info("pass, not spontaneous")
                return false
            }
        }
        session.notes[Self.early] = 1
        session.adjustKarma(-1)
        return true
    }
}
