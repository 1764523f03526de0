// MeteredConnector.swift
//
// Connections to other servers, counted by destination.

package import QPHooks

/// Counts connections. One is in flight from the attempt until it is closed; its time is that of connecting; its
/// result is the first failure, of connecting, reading or writing, or else, when it is closed, that there was none. Thus a server
/// that takes connections and then says nothing counts as failing.
package struct MeteredConnector: Connector {
    private let connector: any Connector
    private let meters: ExternalMeters

    package init(_ connector: any Connector, _ meters: ExternalMeters) {
        self.connector = connector
        self.meters = meters
    }

    package func connect(
        to destination: Destination, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> any ByteStream {
        let ticket = self.meters.begin(.nextHop, Self.name(destination))
        do throws(EffectError) {
            let stream = try await self.connector.connect(to: destination, timeout: timeout, origin: origin)
            self.meters.established(ticket)
            return MeteredStream(stream, self.meters, ticket)
        } catch {
            self.meters.end(ticket, Task.isCancelled ? .abandoned : .of(error))
            throw error
        }
    }

    private static func name(_ destination: Destination) -> String {
        String(destination.description.prefix(255)).lowercased().logEscaped
    }
}

/// A connection whose waits are known.
private final class MeteredStream: ByteStream {
    private let stream: any ByteStream
    private let meters: ExternalMeters
    private let ticket: ExternalMeters.Ticket

    init(_ stream: any ByteStream, _ meters: ExternalMeters, _ ticket: ExternalMeters.Ticket) {
        self.stream = stream
        self.meters = meters
        self.ticket = ticket
    }

    deinit {
        // Whoever forgets to close it lets it go like this. What has ended already does not end again.
        self.meters.end(self.ticket, .ok)
    }

    func read(atMost limit: Int, timeout: Duration) async throws(EffectError) -> [UInt8] {
        try await self.wait(.reading) { () async throws(EffectError) in
            try await self.stream.read(atMost: limit, timeout: timeout)
        }
    }

    func write(_ bytes: [UInt8], timeout: Duration) async throws(EffectError) {
        try await self.wait(.writing) { () async throws(EffectError) in
            try await self.stream.write(bytes, timeout: timeout)
        }
    }

    func startTLS(_ tls: ClientTLS, timeout: Duration) async throws(EffectError) {
        try await self.wait(.reading) { () async throws(EffectError) in
            try await self.stream.startTLS(tls, timeout: timeout)
        }
    }

    func closeOutput() async throws(EffectError) {
        try await self.wait(.writing) { () async throws(EffectError) in try await self.stream.closeOutput() }
    }

    func close() async {
        await self.stream.close()
        self.meters.end(self.ticket, .ok)
    }

    private func wait<Value>(
        _ side: ExternalMeters.Side, _ operation: () async throws(EffectError) -> Value
    ) async throws(EffectError) -> Value {
        self.meters.waits(self.ticket, side)
        do throws(EffectError) {
            let value = try await operation()
            self.meters.waited(self.ticket, side, .ok)
            return value
        } catch {
            self.meters.waited(self.ticket, side, Task.isCancelled ? .abandoned : .of(error))
            throw error
        }
    }
}
