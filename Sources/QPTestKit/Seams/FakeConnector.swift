// FakeConnector.swift
//
// Other servers, played by a test.

public import QPHooks
import Synchronization

/// What a test plays at the other end of a connection.
public protocol ScriptedPeer: Sendable {
    /// What it says when a client connects.
    mutating func connected() -> [UInt8]
    /// What it says to the next octets of the client.
    mutating func received(_ bytes: [UInt8]) -> [UInt8]
    /// Whether it has hung up.
    var hasClosed: Bool { get }
    /// A client begins TLS; gives what the peer says first under it. The usual peer knows no TLS.
    mutating func startedTLS(_ tls: ClientTLS) throws(EffectError) -> [UInt8]
}

extension ScriptedPeer {
    /// There is no TLS.
    public mutating func startedTLS(_ tls: ClientTLS) throws(EffectError) -> [UInt8] { throw .failed("no TLS") }
}

/// A network on which a test placed servers; every other destination refuses connections.
public final class FakeConnector: Connector {
    private struct State {
        var servers: [Destination: @Sendable () throws(EffectError) -> any ByteStream] = [:]
        var connections: [Destination] = []
    }

    private let state = Mutex(State())

    /// An empty network.
    public init() {}

    /// Where clients connected to, in order.
    public var connections: [Destination] { self.state.withLock(\.connections) }

    /// Places a server: every connection talks to a fresh copy of the peer.
    public func serve(_ destination: Destination, _ peer: some ScriptedPeer) {
        self.serve(destination) { () throws(EffectError) in ScriptedStream(peer) }
    }

    /// Places a server: every connection gets a stream of its own, or an error.
    public func serve(
        _ destination: Destination, stream: @escaping @Sendable () throws(EffectError) -> any ByteStream
    ) {
        self.state.withLock { $0.servers[destination] = stream }
    }

    /// Connects to a server that was placed.
    public func connect(
        to destination: Destination, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> any ByteStream {
        let server = self.state.withLock { state in
            state.connections.append(destination)
            return state.servers[destination]
        }
        guard let server else { throw .failed("connection to \(destination) refused") }
        return try server()
    }
}

/// A connection to a peer that answers at once and never waits; reading when it has said nothing is a timeout.
public final class ScriptedStream<Peer: ScriptedPeer>: ByteStream {
    private struct State {
        var peer: Peer
        var output: [UInt8]
        var isClosed = false
    }

    private let state: Mutex<State>

    /// Connects to a peer.
    public init(_ peer: Peer) {
        var peer = peer
        let greeting = peer.connected()
        self.state = Mutex(State(peer: peer, output: greeting))
    }

    /// The peer as it is now.
    public var peer: Peer { self.state.withLock(\.peer) }

    /// Whether this end was closed.
    public var isClosed: Bool { self.state.withLock(\.isClosed) }

    /// Reads what the peer has said.
    public func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        let (bytes, isOver) = self.state.withLock { state in
            let bytes = Array(state.output.prefix(max(limit, 1)))
            state.output.removeFirst(bytes.count)
            return (bytes, state.isClosed || state.peer.hasClosed)
        }
        guard bytes.isEmpty, !isOver else { return bytes }
        throw .timedOut("read")
    }

    /// Lets the peer answer.
    public func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError) {
        let isOver = self.state.withLock { state in
            if state.isClosed || state.peer.hasClosed { return true }
            state.output += state.peer.received(bytes)
            return false
        }
        if isOver { throw .closed("write") }
    }

    /// Asks the peer; as with a real connection, nothing may be unread.
    public func startTLS(_ tls: ClientTLS, timeout: Duration) async throws(EffectError) {
        try self.state.withLock { state throws(EffectError) in
            guard !state.isClosed, !state.peer.hasClosed else { throw .closed("TLS") }
            guard state.output.isEmpty else { throw .failed("octets in clear before TLS") }
            state.output = try state.peer.startedTLS(tls)
        }
    }

    /// Nothing to do: the peer answers what it has got.
    public func closeOutput() async throws(EffectError) {}

    /// Hangs up.
    public func close() async { self.state.withLock { $0.isClosed = true } }
}
