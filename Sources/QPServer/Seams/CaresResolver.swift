// CaresResolver.swift
//
// The DNS (RFC 1035), through c-ares, on a thread of its own.

package import QPHooks

/// Asks DNS servers, and remembers what they said for as long as they said. The same question of many at once is asked
/// once.
package final class CaresResolver: RememberingResolver {
    private let channel: CaresChannel
    private let cache: DNSCache

    /// Asks the given servers (`127.0.0.1`, `127.0.0.1:5353`, `[::1]:53`), or those of the system. A server is asked
    /// again when `firstTimeout` has passed, then after twice that, `tries` times in all.
    package convenience init(
        servers: [String] = [], firstTimeout: Duration = .milliseconds(1500), tries: Int = 3
    ) throws(StartError) {
        try self.init(servers: servers, firstTimeout: firstTimeout, tries: tries, cache: DNSCache())
    }

    init(servers: [String], firstTimeout: Duration, tries: Int, cache: DNSCache) throws(StartError) {
        let channel = try CaresChannel(servers: servers, firstTimeout: firstTimeout, tries: tries, cache: cache)
        self.channel = channel
        self.cache = cache
        try WorkerThread.start("dns") { channel.run() }
    }

    package func resolve(
        _ question: DNSQuestion, timeout: Duration, origin: EffectOrigin
    ) async throws(DNSError) -> DNSAnswer {
        try await self.resolve(question, timeout: timeout)
    }

    package func remembered(_ question: DNSQuestion) -> Result<DNSAnswer, DNSError>? {
        self.cache.answer(to: question.folded)
    }

    /// Answers a question; the task's cancellation ends the wait.
    package func resolve(_ question: DNSQuestion, timeout: Duration) async throws(DNSError) -> DNSAnswer {
        let question = question.folded
        if let known = self.cache.answer(to: question) { return try known.get() }
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
