// DeliveryMemory.swift
//
// RFC 2033 §4.2, RFC 5321 §4.2.5: who has a message already, where one answer stands for different fates

import QPHooks

/// Remembers for some days which recipients have a message whose sender was asked to try again.
struct DeliveryMemory: Sendable {
    /// What tells a message from others.
    struct Identity: Sendable {
        let sender: String
        let size: Int
        let message: Message
    }

    private static let lifetime = Duration.seconds(6 * 86400)

    private let identity: Identity

    init(_ identity: Identity) {
        self.identity = identity
    }

    /// Says that there was such a message. Cheap to ask for: only then are the octets of a message hashed.
    private var hint: String { "delivered \(self.identity.size) \(self.identity.sender)" }

    private func key(_ digest: String) -> String { "delivered \(digest) \(self.identity.sender)" }

    /// The addresses that have the message.
    func delivered(_ session: SessionContext) async -> Set<String> {
        guard (try? await session.store.value(of: self.hint)) != nil, let digest = await self.digest(session) else {
            return []
        }
        return await self.delivered(digest, session)
    }

    private func delivered(_ digest: String, _ session: SessionContext) async -> Set<String> {
        guard let value = try? await session.store.value(of: self.key(digest)) else { return [] }
        return Set(String(decoding: value, as: UTF8.self).split(separator: "\0").map(String.init))
    }

    /// Remembers addresses that have the message.
    func remember(_ addresses: Set<String>, _ session: SessionContext) async {
        guard !addresses.isEmpty, let digest = await self.digest(session) else { return }
        let known = await self.delivered(digest, session)
        let value = addresses.union(known).sorted().joined(separator: "\0")
        do {
            try await session.store.set(self.key(digest), to: Array(value.utf8), lifetime: Self.lifetime)
            try await session.store.set(self.hint, to: [1], lifetime: Self.lifetime)
        } catch {
            session.log.error("error, some recipients may get the message twice: \(error)")
        }
    }

    /// Of the message as it was received: what the server adds is new each time.
    private func digest(_ session: SessionContext) async -> String? {
        let message = self.identity.message
        return try? await session.offload {
            var digest = SHA256()
            try message.forEachReceivedPiece { digest.update($0) }
            return digest.finish()
        }
    }
}
