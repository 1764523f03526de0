// AdminEndpoint.swift
//
// What a server hands to its admin endpoint, and the other way round.

/// A socket that was bound and listens, for the endpoint to adopt.
public struct AdminSocket: Sendable {
    /// How it is shown: `127.0.0.1:8025`, `unix:/run/qpserver/admin.sock`.
    public var name: String
    public var descriptor: Int32
    public var isUnix: Bool
    /// Whether it is bound to a loopback address.
    public var isLoopback: Bool
    /// PEM files, for TLS.
    public var certificate: String?
    public var privateKey: String?

    /// A socket.
    public init(
        name: String, descriptor: Int32, isUnix: Bool, isLoopback: Bool, certificate: String? = nil,
        privateKey: String? = nil
    ) {
        self.name = name
        self.descriptor = descriptor
        self.isUnix = isUnix
        self.isLoopback = isLoopback
        self.certificate = certificate
        self.privateKey = privateKey
    }
}

/// A bearer token that the operator configured, by its hash.
public struct AdminToken: Sendable, Hashable {
    public var name: String
    public var role: AdminRole
    /// SHA-256 of the token: 32 octets.
    public var hash: [UInt8]
    /// Whether addresses are hashed for it.
    public var hidesAddresses: Bool

    /// A token.
    public init(name: String, role: AdminRole, hash: [UInt8], hidesAddresses: Bool) {
        self.name = name
        self.role = role
        self.hash = hash
        self.hidesAddresses = hidesAddresses
    }
}

/// Who may do what.
public struct AdminAccess: Sendable {
    public var tokens: [AdminToken] = []
    /// Roles of users that connect by unix socket, by uid.
    public var users: [UInt32: AdminRole] = [:]
    /// Names that a Host field may carry beside the address of the socket and the names of the loopback.
    public var hosts: [String] = []
    /// Streams that one credential may have open at once.
    public var streamsPerCredential = 16
    /// Connections in all.
    public var maxConnections = 256

    /// Nobody but those without a token.
    public init() {}
}

/// What an endpoint gets.
public struct AdminSetup: Sendable {
    public var sockets: [AdminSocket]
    /// Asked for each request, so that a reload is seen.
    public var access: @Sendable () -> AdminAccess
    public var source: any TelemetrySource
    public var control: any ServerControl
    /// Lines for the server's log: level (3 error, 4 warning, 5 notice), text.
    public var log: @Sendable (UInt8, String) -> Void
    /// Gives descriptors up when there are none, and takes them back.
    public var reserve: any DescriptorSpare

    /// What an endpoint needs.
    public init(
        sockets: [AdminSocket], access: @escaping @Sendable () -> AdminAccess, source: any TelemetrySource,
        control: any ServerControl, log: @escaping @Sendable (UInt8, String) -> Void, reserve: any DescriptorSpare
    ) {
        self.sockets = sockets
        self.access = access
        self.source = source
        self.control = control
        self.log = log
        self.reserve = reserve
    }
}

/// Descriptors that were set aside for the endpoint.
public protocol DescriptorSpare: Sendable {
    /// Closes one that was set aside, so that another can be opened. False: there is none any more.
    func release() -> Bool
    /// Sets descriptors aside again, as many as there were.
    func refill()
}

/// Makes an endpoint.
public protocol AdminEndpointFactory: Sendable {
    /// - Throws: what keeps it from serving (a certificate that cannot be read, say), for the operator.
    func start(_ setup: AdminSetup) async throws -> any AdminEndpoint
    /// When the certificate of a PEM file expires, in seconds since 1970; `nil` if it cannot be read.
    func certificateExpiry(_ path: String) -> Double?
}

/// A running endpoint.
public protocol AdminEndpoint: Sendable {
    /// Closes everything.
    func stop() async
}
