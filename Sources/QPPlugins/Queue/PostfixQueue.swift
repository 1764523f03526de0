// PostfixQueue.swift
//
// RFC 5321 §6.1: Postfix' cleanup service, which puts messages into its queue

public import QPHooks

/// Hands messages to Postfix' cleanup service.
public struct PostfixQueue: Plugin {
    public static let name = "queue/postfix-queue"

    public static let manual = """
        queue/postfix-queue [SOCKET] [FLAG...] [timeout=SECONDS]

        Puts each message into the queue of the Postfix on this machine, through its cleanup service. The server's user
        must be allowed to use the socket; it belongs to the group postdrop.

            queue/postfix-queue /var/spool/postfix/public/cleanup FLAG_FILTER

        SOCKET is a path or HOST:PORT. Without it, the lines of config/cleanup_sockets are such places, of which the first
        that answers gets the message, and without that file it is /var/spool/postfix/public/cleanup.

        Flags: FLAG_BOUNCE (bounce what is bad), FLAG_FILTER (content filters and milters), FLAG_HOLD (put on hold),
        FLAG_DISCARD (drop), FLAG_BCC_OK, FLAG_MAP_OK (virtual aliases and canonical maps), FLAG_MILTER (milters). Without
        any, none is set.

        What cleanup says is the answer: 250, a deferral, or a refusal. If it does not say anything within the time limit
        (60 seconds for each step, which is the most, and five times that for the last one) the message is deferred.
        """

    private static let flags: [String: Int] = [
        "FLAG_NONE": 0, "FLAG_BOUNCE": 1, "FLAG_FILTER": 2, "FLAG_HOLD": 4, "FLAG_DISCARD": 8, "FLAG_BCC_OK": 16,
        "FLAG_MAP_OK": 32, "FLAG_MILTER": 64,
    ]
    private static let unavailable = Verdict<Delivery>.denysoft("service unavailable (#4.7.1)")

    private let sockets: ConfigTable<[Destination]>?
    private let fixed: [Destination]
    private let flags: Int
    private let limit: Duration

    public init(_ setup: PluginSetup) throws(PluginError) {
        var flags = 0
        var fixed: [Destination] = []
        var limit = Duration.seconds(60)
        for word in setup.arguments {
            if word.hasPrefix("FLAG_") {
                guard let flag = Self.flags[word] else {
                    throw .argument("'\(word)' is none of \(Self.flags.keys.sorted().joined(separator: ", "))")
                }
                flags |= flag
            } else if word.hasPrefix("timeout=") {
                limit = try .limit(String(word.dropFirst(8)), upTo: 60)
            } else {
                guard fixed.isEmpty else { throw .argument("'\(word)' is a second socket") }
                guard let place = Self.place(word) else { throw .argument("'\(word)' is no socket") }
                fixed = [place]
            }
        }
        self.flags = flags
        self.limit = limit
        self.fixed = fixed
        self.sockets =
            fixed.isEmpty
            ? try setup.table("cleanup_sockets") { file throws(PluginError) in
                var places: [Destination] = []
                for line in file.lines {
                    guard let place = Self.place(line.text) else { throw line.error("'\(line.text)' is no socket") }
                    places.append(place)
                }
                return places
            } : nil
        setup.declareBackend([.eightBitMIME])
    }

    private static func place(_ text: String) -> Destination? {
        if text.hasPrefix("/") { return text.isProgramPath ? .unix(path: text) : nil }
        guard text.contains(":"), let hop = NextHop(Substring(text), port: 0), case .tcp(_, let port) = hop.destination,
            port > 0
        else { return nil }
        return hop.destination
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.queue, self.deliver)
    }

    private func places(_ session: SessionContext) -> [Destination] {
        let listed = self.sockets?.content(in: session) ?? self.fixed
        return listed.isEmpty ? [.unix(path: "/var/spool/postfix/public/cleanup")] : listed
    }

    @Sendable
    func deliver(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Delivery> {
        guard let mail = Handover(session) else { return .declined }
        if let refusal = mail.refusal(session) { return .refused(refusal) }
        for place in self.places(session) {
            do throws(EffectError) {
                let stream = try await session.connections.connect(to: place, timeout: min(.seconds(10), self.limit))
                var client = CleanupClient(stream, clock: session.clock, limit: self.limit)
                let id: String
                do throws(EffectError) {
                    id = try await client.queueID()
                } catch {
                    await stream.close()
                    throw error
                }
                // From here on it is this one or none: nobody can say what became of half a message.
                let verdict = await self.hand(mail, id, over: &client, in: session)
                await stream.close()
                return verdict
            } catch {
                session.log.error("error, \(place): \(error)")
            }
        }
        return Self.unavailable
    }

    private func hand(
        _ mail: Handover, _ id: String, over client: inout CleanupClient, in session: SessionContext
    ) async -> Verdict<Delivery> {
        do {
            try await client.send(mail, flags: self.flags, in: session)
            let (status, reason) = try await client.status()
            guard let denial = CleanupClient.denial(status, reason) else {
                let text = "Queued!\(mail.messageID) (Queue-Id: \(id))"
                session.log.info("pass, \(text)")
                return .ok(text)
            }
            session.log.info("fail, status \(status): \(denial.text)")
            return .refused(denial)
        } catch {
            session.log.error("error, \(id): \(error)")
            return Self.unavailable
        }
    }
}
