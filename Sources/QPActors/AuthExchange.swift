// AuthExchange.swift
//
// RFC 4954 §4: an AUTH command on its way.

import QPHooks

/// What the client is expected to say next.
final class AuthExchange {
    enum Step {
        /// The first message of PLAIN, EXTERNAL, SCRAM, or the user of LOGIN.
        case first
        /// The password of LOGIN.
        case password(user: String)
        /// The answer to CRAM-MD5's challenge.
        case answer(challenge: String)
        /// The proof of SCRAM.
        case proof(ScramProgress)
        /// The empty line after SCRAM's last message.
        case acknowledgement(user: String)
        /// Nothing: plugins decide.
        case decision
    }

    let mechanism: SASLMechanism
    var step = Step.first
    /// Plugins that had failed in the session before.
    let failedRuns: UInt32
    /// Whether it counts as an attempt of its address already.
    var isCounted = false

    init(_ mechanism: SASLMechanism, failedRuns: UInt32) {
        self.mechanism = mechanism
        self.failedRuns = failedRuns
    }
}

/// What a client had before it authenticated in clear.
final class BeforeAuth: Sendable {
    let mayRelay: Bool
    let naughty: NoteValue?

    init(_ state: SessionState) {
        self.mayRelay = state.isRelayClient
        self.naughty = state.connectionNotes["naughty"]
    }
}

/// SCRAM after the server's first message.
struct ScramProgress: Sendable {
    let first: ScramClientFirst
    let server: ScramServerFirst
    let keys: ScramKeys
    /// Whether the keys are the user's. If not, no proof is good.
    let isGenuine: Bool
}
