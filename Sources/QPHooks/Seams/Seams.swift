// Seams.swift
//
// Everything outside, in one value.

/// Runs blocking or heavy work off the event loops.
public protocol Offloader: Sendable {
    /// Runs work on a thread of its own pool.
    /// - Throws: what the work throws.
    func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result
}

/// Takes what plugins log.
public protocol LogSink: Sendable {
    /// Whether a line of this level of this plugin would go anywhere.
    func accepts(_ level: LogLevel, plugin: String?) -> Bool
    /// Takes a line.
    func log(_ event: LoggingEvent)
}

/// The real or the deterministic outside. A class, so that each session holds one reference to it.
public final class Seams: Sendable {
    /// DNS.
    public let resolver: any Resolver
    /// Connections.
    public let connector: any Connector
    /// HTTP.
    public let http: any HTTPFetcher
    /// Plugins' memory.
    public let store: any KeyValueStore
    /// Files.
    public let files: any FileStore
    /// Chance.
    public let random: any RandomSource
    /// Work off the loops.
    public let offloader: any Offloader
    /// Passwords.
    public let secrets: any Secrets
    /// The log.
    public let log: any LogSink
    /// The environment of the process.
    public let environment: [String: String]

    /// Puts the outside together. `environment` never grants anything to network sessions.
    public init(
        resolver: any Resolver, connector: any Connector, http: any HTTPFetcher, store: any KeyValueStore,
        files: any FileStore, random: any RandomSource, offloader: any Offloader, log: any LogSink,
        secrets: any Secrets = NoSecrets(), environment: [String: String] = [:]
    ) {
        self.resolver = resolver
        self.connector = connector
        self.http = http
        self.store = store
        self.files = files
        self.random = random
        self.offloader = offloader
        self.secrets = secrets
        self.log = log
        self.environment = environment
    }

    /// The same, with outward effects refused: what a plugin in shadow mode gets. `pure` plugins keep the network.
    /// Chance has a source of its own, so that nobody else draws other numbers than without the shadow.
    package func shadowed(pure: Bool, seed: UInt64) -> Seams {
        Seams(
            resolver: self.resolver, connector: pure ? self.connector : RefusingEffects(),
            http: pure ? self.http : RefusingEffects(), store: ShadowStore(store: self.store),
            files: RefusingEffects(), random: ShadowRandom(seed: seed), offloader: self.offloader, log: self.log,
            secrets: self.secrets, environment: self.environment)
    }
}

/// Chance for shadows: nothing of theirs is seen, so nobody needs to guess it.
struct ShadowRandom: RandomSource {
    let seed: UInt64

    func next(origin: EffectOrigin) -> UInt64 {
        // SplitMix64 at the place of the call.
        var bits = self.seed &+ (UInt64(origin.call) &+ 1) &* 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }
}

/// A store whose writes go to namespaces that only shadows see.
struct ShadowStore: KeyValueStore {
    let store: any KeyValueStore

    func value(of key: String, in namespace: String, origin: EffectOrigin) async throws(EffectError) -> [UInt8]? {
        if let mine = try await self.store.value(of: key, in: Self.shadow(namespace), origin: origin) { return mine }
        return try await self.store.value(of: key, in: namespace, origin: origin)
    }

    func set(
        _ key: String, to value: [UInt8]?, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) {
        try await self.store.set(key, to: value, lifetime: lifetime, in: Self.shadow(namespace), origin: origin)
    }

    func add(
        _ amount: Int64, to key: String, lifetime: Duration?, in namespace: String, origin: EffectOrigin
    ) async throws(EffectError) -> Int64 {
        try await self.store.add(amount, to: key, lifetime: lifetime, in: Self.shadow(namespace), origin: origin)
    }

    private static func shadow(_ namespace: String) -> String { "shadow:" + namespace }
}

/// Refuses every outward effect.
public struct RefusingEffects: Connector, HTTPFetcher, FileStore {
    /// Makes one.
    public init() {}

    /// Throws `refusedInShadow`; nothing is connected.
    public func connect(
        to destination: Destination, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> any ByteStream {
        throw .refusedInShadow("connection to \(destination)")
    }

    /// Throws `refusedInShadow`; nothing is sent.
    public func fetch(
        _ request: HTTPRequest, limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> HTTPResponse {
        throw .refusedInShadow("HTTP request")
    }

    /// Throws `refusedInShadow`; no folder is made.
    public func makeDirectory(_ path: String, mode: UInt32, origin: EffectOrigin) async throws(EffectError) {
        throw .refusedInShadow("folder \(path)")
    }

    /// Throws `refusedInShadow`; nothing is written.
    public func publish(
        _ content: FileContent, temporary: String, final: String, mode: UInt32, origin: EffectOrigin
    ) async throws(EffectError) -> Int {
        throw .refusedInShadow("file \(final)")
    }

    /// Throws `refusedInShadow`; nothing is read.
    public func read(_ path: String, limit: Int, origin: EffectOrigin) async throws(EffectError) -> [UInt8] {
        throw .refusedInShadow("file \(path)")
    }

    /// Throws `refusedInShadow`; nothing is written.
    public func append(
        _ bytes: [UInt8], to path: String, mode: UInt32, origin: EffectOrigin
    ) async throws(EffectError) {
        throw .refusedInShadow("file \(path)")
    }

    /// Throws `refusedInShadow`; the file stays.
    public func remove(_ path: String, origin: EffectOrigin) async throws(EffectError) {
        throw .refusedInShadow("file \(path)")
    }

    /// Throws `refusedInShadow`; no file and no folder is made.
    public func temporaryPath(directory: Bool, origin: EffectOrigin) async throws(EffectError) -> String {
        throw .refusedInShadow("temporary file")
    }

    /// Throws `refusedInShadow`; no program is started.
    public func run(
        _ program: [String], input: [UInt8], limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> ProgramResult {
        throw .refusedInShadow("program \(program.first ?? "")")
    }

    /// Throws `refusedInShadow`; no program is started.
    public func feed(_ program: ProgramFeed, origin: EffectOrigin) async throws(EffectError) -> ProgramResult {
        throw .refusedInShadow("program \(program.program.first ?? "")")
    }
}
