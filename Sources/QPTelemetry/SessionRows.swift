// SessionRows.swift
//
// Sessions as an observer sees them.

/// Which sessions.
public enum SessionKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Connected now.
    case live
    /// Over; it had been greeted.
    case ended
    /// Turned away before a greeting: by a limit, a ban, drain, or a plugin at pre-connection or connect.
    case refused

    /// Its place among all kinds.
    package var place: UInt8 {
        switch self {
        case .live: 0
        case .ended: 1
        case .refused: 2
        }
    }
}

/// How far a session has come. A closed set: it is a label of metrics.
public enum SessionPhase: String, Sendable, Hashable, Codable, CaseIterable {
    /// Before the greeting.
    case connect
    /// Greeted, has not introduced itself.
    case helo
    /// Introduced, no mail begun.
    case idle
    /// After MAIL.
    case mail
    /// After an accepted RCPT.
    case rcpt
    /// In the octets of a message.
    case data
    /// Between the end of a message and its answer.
    case queue
    /// Farewell hooks run.
    case leaving

    /// Its place among all phases.
    package var place: UInt8 {
        switch self {
        case .connect: 0
        case .helo: 1
        case .idle: 2
        case .mail: 3
        case .rcpt: 4
        case .data: 5
        case .queue: 6
        case .leaving: 7
        }
    }
}

/// The strongest answer a plugin gave in a session, for one narrow column.
public enum PluginMark: String, Sendable, Hashable, Codable, CaseIterable {
    /// Ran and had no opinion, accepted, failed by error or time, deferred, refused; later ones hide earlier ones.
    case declined, ok, failed, deferred, refused
}

/// One session in a list.
public struct SessionRow: Sendable, Hashable, Codable {
    /// The name that replies and logs show.
    public var id: String
    /// Its number since the server started; 0 if it never had a place.
    public var number: UInt64 = 0
    public var state = SessionKind.live
    /// Seconds since 1970.
    public var startedAt: Double = 0
    /// Seconds it has lived, or lived.
    public var age: Double = 0
    /// The peer's address; hashed or empty by the privacy setting and the reader's role.
    public var peer: String = ""
    public var peerPort: Int = 0
    /// The peer's name by reverse DNS.
    public var remoteHost: String?
    public var listener: String = ""
    /// What it said in HELO or EHLO.
    public var helo: String?
    public var phase = SessionPhase.connect
    /// The TLS version, if any.
    public var tls: String?
    /// The authenticated user, if any.
    public var user: String?
    /// Sender of the current or last mail; empty for the null sender, `nil` if there was none.
    public var sender: String?
    /// Accepted recipients of the current or last mail, at most 20 of them.
    public var recipients: [String] = []
    /// How many they are.
    public var recipientCount: Int = 0
    /// Messages accepted in the session.
    public var messages: Int = 0
    /// Octets received in the session.
    public var octets: UInt64 = 0
    /// Octets a second, over the session's life.
    public var rate: Double = 0
    /// The handler that runs now: plugin, hook, seconds so far.
    public var plugin: String?
    public var hook: String?
    public var running: Double?
    /// Notes that are scores: `karma`, `spam_score`, ...
    public var notes: [String: String] = [:]
    /// The strongest answer of each plugin that ran.
    public var marks: [String: PluginMark] = [:]
    /// Who ended it: `client`, `server`, `timeout`, `operator`.
    public var by: String?
    /// The code of the last refusal, and its text.
    public var code: Int?
    public var reason: String?
    /// The plugin whose verdict that was; also the one behind `naughty`.
    public var decidedBy: String?
    /// The configuration it runs with.
    public var generation: Int = 0

    /// A row to fill.
    public init(id: String) { self.id = id }
}

/// One run of one handler.
public struct TrailEntry: Sendable, Hashable, Codable {
    /// Microseconds since the session began; `nil` beyond 73 minutes.
    public var offset: Double?
    /// The transaction it belongs to; 0: none.
    public var transaction: UInt32 = 0
    public var hook: String
    public var plugin: String
    /// The constant: `DENY`, `DECLINED`, ...
    public var verdict: String
    public var text: String = ""
    /// The enhanced status code, of refusals.
    public var status: String?
    /// How long it took.
    public var microseconds: Double = 0
    /// What else is known: `shadow`, `threw`, `timed_out`, `breaker`, `naughty` (left its verdict to the naughty plugin).
    public var flags: [String] = []
    /// Whether this answer ended its chain.
    public var decided: Bool = false

    /// A run.
    public init(hook: String, plugin: String, verdict: String) {
        self.hook = hook
        self.plugin = plugin
        self.verdict = verdict
    }
}

/// A recipient and what became of it.
public struct RecipientRow: Sendable, Hashable, Codable {
    public var address: String
    /// The reply code.
    public var code: Int

    /// A recipient.
    public init(address: String, code: Int) {
        self.address = address
        self.code = code
    }
}

/// One mail of a session.
public struct TransactionRow: Sendable, Hashable, Codable {
    /// `SESSION.NUMBER`, as replies show it.
    public var id: String
    public var number: UInt32
    /// Seconds since 1970, of its end.
    public var endedAt: Double = 0
    /// The sender; empty for the null sender, `nil` if MAIL was not understood.
    public var sender: String?
    /// At most 20 recipients, also refused ones.
    public var recipients: [RecipientRow] = []
    /// How many there were in all.
    public var recipientCount: Int = 0
    /// The Message-ID field, without angle brackets.
    public var messageId: String?
    /// Octets of the message.
    public var size: UInt64 = 0
    /// `queued`, `rejected`, `deferred`, or `abandoned` (RSET, QUIT, connection lost).
    public var result: String = "abandoned"
    /// The code and the text of the answer to the message, or of the last refusal.
    public var code: Int?
    public var text: String = ""

    /// A mail.
    public init(id: String, number: UInt32) {
        self.id = id
        self.number = number
    }
}

/// The verdict that decided.
public struct Decision: Sendable, Hashable, Codable {
    /// The plugin whose opinion it was, at which hook.
    public var plugin: String
    public var hook: String
    public var verdict: String
    public var text: String
    public var status: String?
    /// The plugin that carried the verdict out (`naughty`), if it was another one.
    public var via: String?
    /// The transaction; 0: the session.
    public var transaction: UInt32

    /// A decision.
    public init(
        plugin: String, hook: String, verdict: String, text: String, status: String?, via: String?,
        transaction: UInt32
    ) {
        self.plugin = plugin
        self.hook = hook
        self.verdict = verdict
        self.text = text
        self.status = status
        self.via = via
        self.transaction = transaction
    }
}

/// All that is known of one session.
public struct SessionDetail: Sendable, Hashable, Codable {
    public var session: SessionRow
    public var transactions: [TransactionRow]
    /// Every handler that ran, in order.
    public var trail: [TrailEntry]
    /// Runs that were dropped because there were too many.
    public var dropped: UInt64
    /// The last hook that ran, and what decided; `nil`: nobody refused and nothing was queued.
    public var lastHook: String?
    public var decision: Decision?

    /// A session.
    public init(
        session: SessionRow, transactions: [TransactionRow] = [], trail: [TrailEntry] = [], dropped: UInt64 = 0,
        lastHook: String? = nil, decision: Decision? = nil
    ) {
        self.session = session
        self.transactions = transactions
        self.trail = trail
        self.dropped = dropped
        self.lastHook = lastHook
        self.decision = decision
    }
}

/// What list of sessions is wanted.
public struct SessionsRequest: Sendable {
    public var state = SessionKind.live
    public var query: Query?
    public var sort = SessionSort.age
    /// Largest, latest, last first.
    public var isDescending = true
    /// 1...1000.
    public var limit = 100
    /// Rows to pass over.
    public var offset = 0

    /// The first hundred live sessions.
    public init() {}
}

/// What lists of sessions can be sorted by.
public enum SessionSort: String, Sendable, Hashable, Codable, CaseIterable {
    case age, started, peer, helo, phase, sender, rcpts, messages, octets, rate, running
}

/// A page of sessions.
public struct SessionPage: Sendable, Hashable, Codable {
    public var sessions: [SessionRow]
    /// Sessions that match; `nil` if nobody counted.
    public var total: Int?
    /// The offset of the next page; `nil`: this is the last.
    public var next: Int?
    /// Event loops that did not answer in time: their sessions are missing.
    public var missingLoops: [Int]

    /// A page.
    public init(sessions: [SessionRow], total: Int?, next: Int?, missingLoops: [Int] = []) {
        self.sessions = sessions
        self.total = total
        self.next = next
        self.missingLoops = missingLoops
    }
}
