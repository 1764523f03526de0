// CaresResolver.swift
//
// The DNS (RFC 1035), through c-ares, on a thread of its own.

package import QPHooks

/// Asks DNS servers.
package final class CaresResolver: Resolver {
    private let channel: CaresChannel

    /// Asks the given servers (`127.0.0.1`, `127.0.0.1:5353`, `[::1]:53`), or those of the system. A server is asked
    /// again when `firstTimeout` has passed, then after twice that, `tries` times in all.
    package init(
        servers: [String] = [], firstTimeout: Duration = .milliseconds(1500), tries: Int = 3
    ) throws(StartError) {
        let channel = try CaresChannel(servers: servers, firstTimeout: firstTimeout, tries: tries)
        self.channel = channel
        try WorkerThread.start("dns") { channel.run() }
    }

    package func resolve(
        _ question: DNSQuestion, timeout: Duration, origin: EffectOrigin
    ) async throws(DNSError) -> DNSAnswer {
        try await self.resolve(question, timeout: timeout)
    }

    /// Answers a question; the task's cancellation ends the wait.
    package func resolve(_ question: DNSQuestion, timeout: Duration) async throws(DNSError) -> DNSAnswer {
        let deadline = MonotonicTime(nanoseconds: SystemCall.monotonic).advanced(by: timeout)
        let query = DNSQuery(question, deadline: deadline)
        self.channel.ask(query)
        return try await query.answer().get()
    }

    /// Ends the thread; whoever waits gets an error.
    package func stop() { self.channel.stop() }

    deinit {
        self.channel.stop()
    }
}
