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

    /// Cheap to ask for: the octets of a message are counted only where there is something to compare them with.
    private var key: String { "delivered \(self.identity.size) \(self.identity.sender)" }

    /// The addresses that have the message.
    func delivered(_ session: SessionContext) async -> Set<String> {
        guard let value = try? await session.store.value(of: self.key), let digest = await self.digest(session) else {
            return []
        }
        let words = String(decoding: value, as: UTF8.self).split(separator: "\0").map(String.init)
        guard words.first == digest else { return [] }
        return Set(words.dropFirst())
    }

    /// Remembers addresses that have the message.
    func remember(_ addresses: Set<String>, _ session: SessionContext) async {
        guard !addresses.isEmpty, let digest = await self.digest(session) else { return }
        let value = ([digest] + addresses.sorted()).joined(separator: "\0")
        do {
            try await session.store.set(self.key, to: Array(value.utf8), lifetime: Self.lifetime)
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
