// SessionTransport.swift
//
// Between a session and whatever carries its bytes.

public import QPHooks

/// What carries a session's bytes: a socket, a script, a recording.
public protocol SessionTransport: AnyObject, Sendable {
    /// The session has output or effects that it made outside of an input; take them soon, from outside of the actor.
    func outputPending()
}

/// What a session wants done with its connection.
public struct SessionEffects: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Stop reading.
    public static let pause = Self(rawValue: 1)
    /// Go on reading.
    public static let resume = Self(rawValue: 2)
    /// Call `continued` in a later turn of the loop.
    public static let continueLater = Self(rawValue: 4)
    /// Close when the output has left; what the client still sends is thrown away so that it can read the last reply.
    public static let close = Self(rawValue: 8)
    /// Close at once.
    public static let abort = Self(rawValue: 16)
    /// With `close`: the client said QUIT and nothing after it, so a plain close does no harm.
    public static let quit = Self(rawValue: 32)
    /// What leaves with this leaves in clear; whatever comes then is a TLS handshake, and its end is told with
    /// `tlsStarted` or `tlsFailed`. Until then the session is given nothing, and nothing of it leaves.
    public static let startTLS = Self(rawValue: 64)
}

/// What a session made of its inputs.
public struct SessionOutput: Sendable {
    /// Octets for the client.
    public var bytes: [UInt8]
    /// What to do besides, after the octets.
    public var effects: SessionEffects
    /// When to call `deadlinePassed`, in the loop's nanoseconds.
    public var deadline: Int64
}

/// Everything that happens to a session from outside: what a recorder keeps and a replay feeds.
public enum SessionInput: Sendable, Hashable, Codable {
    /// The connection is there.
    case opened
    /// Octets came.
    case bytes([UInt8])
    /// The client will send no more.
    case endOfStream
    /// Whether output can leave.
    case writable(Bool)
    /// The deadline has passed.
    case deadline
    /// A later turn of the loop.
    case continued
    /// The connection is gone.
    case closed
    /// The server wants the session to end.
    case shutdown
    /// A TLS handshake is complete.
    case tlsStarted(TLSFacts)
    /// A TLS handshake failed; the text is for the log.
    case tlsFailed(TLSFailure, String)
}

/// Keeps a session's inputs, with the loop's time.
public protocol SessionRecorder: AnyObject, Sendable {
    /// An input came.
    func record(_ input: SessionInput, at nanoseconds: Int64)
}
