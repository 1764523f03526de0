// EffectOrigin.swift
//
// Who asked for an effect: what makes effects countable, recordable and refusable.

/// Names the caller of an effect.
public struct EffectOrigin: Sendable, Hashable {
    /// The session; `nil` for a plugin's background work.
    public let session: SessionID?
    /// The plugin, by its name in configuration.
    public let plugin: String
    /// The hook; `nil` for background work.
    public let hook: HookID?
    /// The number of the call in its session, from 0, which gives recorded answers their order.
    public let call: UInt32

    /// Makes an origin.
    public init(session: SessionID?, plugin: String, hook: HookID?, call: UInt32) {
        self.session = session
        self.plugin = plugin
        self.hook = hook
        self.call = call
    }
}

/// Why an effect did not happen.
public enum EffectError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// A plugin in shadow mode may not act outside.
    case refusedInShadow(String)
    /// This server has nothing behind the seam.
    case unavailable(String)
    /// It failed; the text is for the log.
    case failed(String)
    /// It took too long.
    case timedOut(String)
    /// The other side ended it.
    case closed(String)
    /// More came than was allowed.
    case tooLong(String)

    /// What failed and why, for the log.
    public var description: String {
        switch self {
        case .refusedInShadow(let what): "\(what): refused, the plugin runs in shadow mode"
        case .unavailable(let what): "\(what): not available in this server"
        case .failed(let what): what
        case .timedOut(let what): "\(what): timed out"
        case .closed(let what): "\(what): closed by the other side"
        case .tooLong(let what): "\(what): more data than allowed"
        }
    }
}
