// MemoryStream.swift
//
// Two ends of a connection without a network.

public import QPHooks
import Synchronization

/// One end of a connection in memory; `pair` makes both. A reader waits until the other end writes or closes; time limits
/// are not kept.
public final class MemoryStream: ByteStream {
    private final class Direction: Sendable {
        struct State {
            var bytes: [UInt8] = []
            var isEnded = false
            var reader: CheckedContinuation<Void, Never>?
        }
        let state = Mutex(State())

        func change(_ body: (inout State) -> Void) {
            let reader = self.state.withLock { state in
                body(&state)
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume()
        }
    }

    private let incoming: Direction
    private let outgoing: Direction

    private init(incoming: Direction, outgoing: Direction) {
        self.incoming = incoming
        self.outgoing = outgoing
    }

    /// Both ends of a connection.
    public static func pair() -> (MemoryStream, MemoryStream) {
        let (there, back) = (Direction(), Direction())
        return (MemoryStream(incoming: back, outgoing: there), MemoryStream(incoming: there, outgoing: back))
    }

    /// Waits for octets; empty when the other end has closed.
    public func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        while true {
            let bytes = self.incoming.state.withLock { state -> [UInt8]? in
                if state.bytes.isEmpty { return state.isEnded ? [] : nil }
                let bytes = Array(state.bytes.prefix(max(limit, 1)))
                state.bytes.removeFirst(bytes.count)
                return bytes
            }
            if let bytes { return bytes }
            await withCheckedContinuation { continuation in
                let isReady = self.incoming.state.withLock { state in
                    if !state.bytes.isEmpty || state.isEnded { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// Gives octets to the other end.
    public func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError) {
        guard !self.outgoing.state.withLock(\.isEnded) else { throw .closed("write") }
        self.outgoing.change { $0.bytes += bytes }
    }

    /// Says that no more will be written.
    public func closeOutput() async throws(EffectError) { self.outgoing.change { $0.isEnded = true } }

    /// Ends both directions.
    public func close() async {
        self.outgoing.change { $0.isEnded = true }
        self.incoming.change { $0.isEnded = true }
    }
}
