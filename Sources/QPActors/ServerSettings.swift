// ServerSettings.swift
//
// What the operator configured, as values: limits, names, the protocol's switches.

public import QPHooks

/// `config/limits`, with its defaults.
public struct Limits: Sendable, Hashable {
    /// Sessions in the process; beyond: 421.
    public var maxConnections = 2000
    /// Sessions of one IPv4 address or IPv6 /64; beyond: 451. 0: no limit.
    public var maxConnectionsPerAddress = 20
    /// Recipients of one mail; beyond: 452.
    public var maxRecipients = 1000
    /// Mails of one session; beyond: 421.
    public var maxTransactions = 1000
    /// Bad commands of one session; beyond: 421.
    public var maxErrors = 20
    /// A command line must be complete within this time, however its bytes drip.
    public var commandTimeout: Duration = .seconds(300)
    /// The longest silence within a message.
    public var dataTimeout: Duration = .seconds(180)
    /// A TLS handshake must be complete within this time.
    public var handshakeTimeout: Duration = .seconds(30)
    /// The longest life of a session.
    public var sessionTimeout: Duration = .seconds(7200)
    /// Octets a second, averaged over 60 s of DATA or BDAT; slower clients are cut off. 0: no limit.
    public var minDataRate = 100
    /// Failed authentications of one session; then 421.
    public var authErrors = 3
    /// Failed authentications of one IPv4 address or IPv6 /64 within `authWindow`; then AUTH gets 454. 0: no limit.
    public var authErrorsPerAddress = 50
    /// For how long failed authentications of an address are counted.
    public var authWindow: Duration = .seconds(600)
    /// How long an address has to wait then, doubled each time.
    public var authDelay: Duration = .seconds(60)
    /// How long sessions may go on when the server is asked to stop.
    public var gracePeriod: Duration = .seconds(30)
    /// Octets of one message in memory; larger ones are spooled.
    public var messageMemory = 256 << 10
    /// Octets of memory of the process beyond which mail is deferred with 452. 0: no limit.
    public var processMemory: UInt64 = 1_000_000_000
    /// Octets that must stay free in the spool; with less, mail is deferred with 452.
    public var spoolFree: UInt64 = 100_000_000

    /// The defaults.
    public init() {}
}

/// What the operator configured, beside plugins.
public struct ServerSettings: Sendable {
    /// `config/limits` and the files of qpsmtpd that win over it.
    public var limits = Limits()
    /// The server's own name.
    public var me = "localhost"
    /// The text of the 220 greeting after the name of the server, or all of it (qpsmtpd's `smtpgreeting`).
    public var greeting: String?
    /// Octets a message may have (LF line ends); `nil`: no limit. SIZE is offered when it is set.
    public var databytes: UInt64?
    /// Octets of a message's body from which on it is spooled; `nil`: `limits.messageMemory`.
    public var sizeThreshold: Int?
    /// The folder of spooled messages, with its final slash.
    public var spoolDirectory = "/var/spool/qpserver/"
    /// The mode of the spool folder.
    public var spoolMode: UInt32 = 0o700
    /// The name in Authentication-Results; `nil` is `me`, empty switches the field off.
    public var authservID: String?
    /// What bare LF and bare CR mean.
    public var bareNewline = BareNewlinePolicy.refuse
    /// Networks whose clients may send bare line ends.
    public var bareNewlineExempt: [Network] = []
    /// Whether the peer's name is looked up, and how long that may take.
    public var reverseDNS: Duration? = .seconds(2)
    /// Whether AUTH may be used without TLS.
    public var authInClear = false
    /// Whether every 5xx leaves as 4xx.
    public var softBounce = false
    /// Whose PROXY headers are believed.
    public var proxyNetworks = NetworkSet()
    /// Whose XCLIENT and XFORWARD are believed.
    public var xclientNetworks = NetworkSet()
    /// The level from which on lines are logged.
    public var logLevel = LogLevel.info
    /// Whether the Received field is written.
    public var extensions: Set<ServiceExtension> = [
        .pipelining, .size, .eightBitMIME, .enhancedStatusCodes, .smtputf8, .chunking, .binaryMIME, .dsn, .limits,
        .requireTLS,
    ]

    /// Whether there is a certificate, so that STARTTLS can be offered.
    public var offersTLS = false

    /// The defaults.
    public init() {}
}

/// How a plugin takes part.
public enum PluginMode: UInt8, Sendable, Hashable, CaseIterable {
    /// It decides.
    case on
    /// It runs beside: counted, timed, compared, never applied.
    case shadow
    /// It is not asked.
    case off

    /// Reads `on`, `shadow` or `off`.
    public init?(name: some StringProtocol) {
        switch name {
        case "on": self = .on
        case "shadow": self = .shadow
        case "off": self = .off
        default: return nil
        }
    }
}

/// What stands for a plugin that throws, runs out of time, or whose breaker is open.
public enum FailurePolicy: UInt8, Sendable, Hashable {
    /// DENYSOFT at rcpt, data, data_post and queue, DECLINED elsewhere.
    case standard
    /// DECLINED everywhere.
    case declined
    /// DENYSOFT everywhere.
    case denysoft

    /// What it answers at a hook.
    public func code(at hook: HookID) -> ReturnCode {
        switch self {
        case .declined: return .declined
        case .denysoft: return .denysoft
        case .standard:
            switch hook {
            case .rcpt, .data, .dataPost, .queue: return .denysoft
            default: return .declined
            }
        }
    }
}

/// A line of `config/plugin_policy`.
public struct PluginPolicy: Sendable, Hashable {
    /// How long a waiting handler may take.
    public var timeout: Duration = .seconds(30)
    /// What stands for the plugin when it fails.
    public var onError = FailurePolicy.standard
    /// How it takes part.
    public var mode = PluginMode.on
    /// Failures in a row, from at least three networks, that open the breaker; 0: never.
    public var breaker = 10
    /// The level up to which its lines are logged; `nil`: the server's.
    public var logLevel: LogLevel?

    /// The defaults.
    public init() {}
}
