// Connector.swift
//
// Connections to other servers.

/// Where to connect.
public enum Destination: Sendable, Hashable, CustomStringConvertible {
    /// A host name or address, and a port.
    case tcp(host: String, port: Int)
    /// A local socket.
    case unix(path: String)

    /// `HOST:PORT`, or the path.
    public var description: String {
        switch self {
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix(let path): path
        }
    }
}

/// A connection to another server. One reader and one writer at a time.
public protocol ByteStream: Sendable {
    /// Reads what is there, at least one byte and at most `limit`; empty at the end of the stream.
    func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8]
    /// Writes all bytes; returns when they are with the system.
    func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError)
    /// Encrypts the connection from here on. Fails if octets came in clear that nobody has read: they would count as
    /// said under encryption. After a failure the connection is of no use.
    func startTLS(_ tls: ClientTLS, timeout: Duration) async throws(EffectError)
    /// Says that no more will be written.
    func closeOutput() async throws(EffectError)
    /// Ends the connection; harmless when called again.
    func close() async
}

extension ByteStream {
    /// There is no TLS here.
    public func startTLS(_ tls: ClientTLS, timeout: Duration) async throws(EffectError) {
        throw .unavailable("TLS")
    }
}

/// Opens connections.
public protocol Connector: Sendable {
    /// Connects within a time limit; names are resolved by the system, every address is tried in turn.
    func connect(
        to destination: Destination, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> any ByteStream
}

/// Connections, as a handler sees them.
public struct Connections: Sendable {
    let connector: any Connector
    let calls: CallCounter

    /// Connects within a time limit.
    public func connect(
        to destination: Destination, timeout: Duration = .seconds(30)
    ) async throws(EffectError) -> any ByteStream {
        try await self.connector.connect(to: destination, timeout: timeout, origin: self.calls.next())
    }
}
