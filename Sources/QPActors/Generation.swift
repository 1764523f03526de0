// Generation.swift
//
// One configuration, built completely before it is used; a session keeps the one it began with.

public import QPHooks
import Synchronization

/// A plugin of a generation.
public struct LoadedPlugin: Sendable {
    /// The name in configuration, with its instance number (`my_rcpt_check:0`).
    public let name: String
    /// The words after it.
    public let arguments: [String]
    /// Where the line stands: `file:line`.
    public let place: String
    /// The hooks it answers.
    public let hooks: Set<HookID>
    /// Its live switches.
    public let runtime: PluginRuntime
    package let instance: any Plugin
    package let declarations: PluginDeclarations
    package let background: BackgroundRun

    package init(
        name: String, arguments: [String], place: String, hooks: Set<HookID>, runtime: PluginRuntime,
        instance: any Plugin, declarations: PluginDeclarations, background: BackgroundRun = BackgroundRun()
    ) {
        self.background = background
        self.name = name
        self.arguments = arguments
        self.place = place
        self.hooks = hooks
        self.runtime = runtime
        self.instance = instance
        self.declarations = declarations
    }
}

/// A plugin's work beside the sessions; ends when no generation and no session refers to it any more.
package final class BackgroundRun: Sendable {
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init() {}

    /// Starts the work, once.
    package func start(_ work: @escaping @Sendable () async -> Void) {
        self.task.withLock { task in
            if task == nil { task = Task { await work() } }
        }
    }

    /// Ends the work, and returns when it has ended.
    package func stop() async {
        let task = self.task.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    deinit { self.task.withLock { $0?.cancel() } }
}

/// One configuration.
public final class Generation: Sendable {
    /// Its number, from 1.
    public let number: Int
    /// Everything beside plugins.
    public let settings: ServerSettings
    /// The plugins in order; a `PluginSlot` is a place in this list.
    public let plugins: [LoadedPlugin]
    /// Time limits of sessions in nanoseconds.
    let commandLimit: Int64, dataLimit: Int64, sessionLimit: Int64
    let runtimes: [PluginRuntime]
    /// The first cell of each plugin in a loop's counters, by slot.
    let cells: [Int]
    /// `Authentication-Results` of a client that did not authenticate; empty if the field is switched off.
    package let authenticationResults: [UInt8]
    /// The names of the plugins, by slot.
    package let names: [String]
    /// Their `loglevel` arguments, by slot; empty if none has one.
    package let logAdjustments: [LogAdjustment?]
    package let chains: SessionChains
    /// The mechanisms of AUTH.
    let auth: AuthOffer
    package let arrival: ArrivalChain
    package let serverChains: ServerChains
    let userConfigHandlers: [UserConfigHandler]
    /// What all configured backends can keep.
    public let capabilities: BackendCapabilities
    /// The extensions EHLO offers.
    public let offered: Set<ServiceExtension>
    /// Those that a client in clear may use.
    let offeredInClear: Set<ServiceExtension>
    package let ehloTail: [String]
    /// An EHLO reply up to the client's name, and its lines behind the first, as octets.
    let ehloHeadOctets: [UInt8], ehloTailOctets: [UInt8]
    /// The greeting and the answer to QUIT.
    let greetingOctets: [UInt8], lmtpGreetingOctets: [UInt8], farewellOctets: [UInt8]
    /// Whether anybody may use XCLIENT and XFORWARD.
    let knowsForwarding: Bool
    private let tables: Mutex<ConfigSnapshot>

    package init(
        number: Int, settings: ServerSettings, plugins: [LoadedPlugin], hookTables: [HookTable],
        tables: ConfigSnapshot
    ) {
        self.number = number
        self.settings = settings
        self.plugins = plugins
        self.commandLimit = settings.limits.commandTimeout.clampedNanoseconds
        self.dataLimit = settings.limits.dataTimeout.clampedNanoseconds
        self.sessionLimit = settings.limits.sessionTimeout.clampedNanoseconds
        self.runtimes = plugins.map(\.runtime)
        self.cells = plugins.map(\.runtime.cell)
        let name = settings.authservID ?? settings.me
        self.authenticationResults =
            name.isEmpty || name == "none"
            ? [] : HeaderSection.field("Authentication-Results", "\(name); auth=none")
        self.names = plugins.map(\.name)
        let adjustments = plugins.map(\.declarations.logAdjustment)
        self.logAdjustments = adjustments.contains { $0 != nil } ? adjustments : []
        var chains = SessionChains()
        var arrival = ArrivalChain()
        var server = ServerChains()
        for table in hookTables {
            chains.append(table.session)
            arrival.elements += table.arrival.elements
            server.append(table.server)
        }
        self.chains = chains
        self.auth = AuthOffer(chains, plugins)
        self.arrival = arrival
        self.serverChains = server
        self.userConfigHandlers = server.userConfig.map(\.handler)
        let backends = plugins.compactMap(\.declarations.backend)
        var capabilities: BackendCapabilities = backends.isEmpty ? [.eightBitMIME] : .all
        for backend in backends { capabilities.formIntersection(backend) }
        self.capabilities = capabilities
        // RFC 4954 §5: with AUTH goes AUTH= of MAIL.
        self.offered = Self.offered(settings, capabilities).union(self.auth.isEmpty ? [] : [.auth])
        self.offeredInClear = self.offered.subtracting([.requireTLS])
        self.ehloTail = Self.ehloTail(self.offered, settings)
        self.ehloHeadOctets = Array("250-\(settings.me) Hello ".utf8)
        self.ehloTailOctets = Self.octets(Reply(250, nil, lines: self.ehloTail))
        self.greetingOctets = Self.octets(Reply(220, nil, Self.greeting(settings)))
        self.lmtpGreetingOctets = Self.octets(Reply(220, nil, Self.lmtpGreeting(settings)))
        self.farewellOctets = Self.octets(Reply(221, .other, "\(settings.me) closing connection"))
        self.knowsForwarding = !settings.xclientNetworks.isEmpty
        self.tables = Mutex(tables)
    }

    /// The content of all data files now.
    package var snapshot: ConfigSnapshot { self.tables.withLock { $0 } }

    /// Puts new content of data files in place; sessions that run keep theirs.
    package func replaceTables(_ snapshot: ConfigSnapshot) {
        self.tables.withLock { $0 = snapshot }
    }

    private static func octets(_ reply: Reply) -> [UInt8] {
        var octets: [UInt8] = []
        reply.encode(into: &octets, id: nil)
        return octets
    }

    /// RFC 5321 §4.2: the greeting begins with the server's name.
    private static func greeting(_ settings: ServerSettings) -> String {
        guard let text = settings.greeting else { return "\(settings.me) ESMTP qpserver ready" }
        return text.uppercased().split { !$0.isLetter }.contains("ESMTP") ? text : text + " ESMTP"
    }

    /// RFC 2033 §4: the greeting of qpsmtpd's configuration names the other protocol.
    private static func lmtpGreeting(_ settings: ServerSettings) -> String {
        guard let text = settings.greeting else { return "\(settings.me) LMTP qpserver ready" }
        let words = text.split(separator: " ").map { $0.uppercased() == "ESMTP" ? "LMTP" : String($0) }
        let greeting = words.joined(separator: " ")
        return greeting.uppercased().split { !$0.isLetter }.contains("LMTP") ? greeting : greeting + " LMTP"
    }

    private static func offered(
        _ settings: ServerSettings, _ capabilities: BackendCapabilities
    ) -> Set<ServiceExtension> {
        var offered = settings.extensions
        if !capabilities.contains(.eightBitMIME) { offered.remove(.eightBitMIME) }
        if !capabilities.contains([.smtputf8, .eightBitMIME]) { offered.remove(.smtputf8) }
        if !capabilities.contains(.binaryMIME) || !offered.contains(.chunking) { offered.remove(.binaryMIME) }
        if !capabilities.contains(.dsn) { offered.remove(.dsn) }
        if !capabilities.contains(.requireTLS) { offered.remove(.requireTLS) }
        return offered
    }

    private static func ehloTail(_ offered: Set<ServiceExtension>, _ settings: ServerSettings) -> [String] {
        var lines: [String] = []
        if offered.contains(.pipelining) { lines.append("PIPELINING") }
        if offered.contains(.size) { lines.append(settings.databytes.map { "SIZE \($0)" } ?? "SIZE") }
        if offered.contains(.eightBitMIME) { lines.append("8BITMIME") }
        if offered.contains(.smtputf8) { lines.append("SMTPUTF8") }
        if offered.contains(.chunking) { lines.append("CHUNKING") }
        if offered.contains(.binaryMIME) { lines.append("BINARYMIME") }
        if offered.contains(.dsn) { lines.append("DSN") }
        if offered.contains(.limits) {
            lines.append("LIMITS RCPTMAX=\(settings.limits.maxRecipients) MAILMAX=\(settings.limits.maxTransactions)")
        }
        if offered.contains(.enhancedStatusCodes) { lines.append("ENHANCEDSTATUSCODES") }
        lines.append("HELP")
        return lines
    }
}
