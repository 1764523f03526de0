// HookTable+ByName.swift
//
// Any hook by its name, answered with a constant: what tables over all hooks are made of.

public import QPHooks

/// A scripted handler that may wait, whatever the hook.
public typealias WaitingScript = nonisolated(nonsending) @Sendable (SessionContext) async throws -> ReturnCode

/// What a scripted handler does, whatever the hook.
public enum HookScript: Sendable {
    /// Answers at once.
    case atOnce(@Sendable (SessionContext) throws -> ReturnCode)
    /// May wait.
    case waiting(WaitingScript)
}

extension HookTable {
    /// Answers a hook given by its name with a constant and the text `reason`; what `ok` must carry is something that
    /// changes nothing. Hooks of the server (logging, config, user_config, post-fork) are left out.
    public mutating func answer(_ hook: HookID, _ script: HookScript) {
        switch hook {
        case .logging, .config, .userConfig, .postFork: break
        case .preConnection: self.answerArrival(script)
        case .connect: self.add(.connect, script) { _ in }
        case .ehloParse: self.add(.ehloParse, script) { _ in Self.parser }
        case .heloParse: self.add(.heloParse, script) { _ in Self.parser }
        case .authParse: self.add(.authParse, script) { _ in Self.parser }
        case .mailParse: self.add(.mailParse, script) { _ in Self.parser }
        case .rcptParse: self.add(.rcptParse, script) { _ in Self.parser }
        case .ehlo: self.add(.ehlo, script) { _ in }
        case .helo: self.add(.helo, script) { _ in }
        case .auth: self.add(.auth, script) { _ in }
        case .authPlain: self.add(.authPlain, script) { _ in }
        case .authLogin: self.add(.authLogin, script) { _ in }
        case .authCramMD5: self.add(.authCramMD5, script) { _ in }
        case .mailPre: self.add(.mailPre, script) { $0.path }
        case .rcptPre: self.add(.rcptPre, script) { $0.path }
        case .mail: self.add(.mail, script) { _ in }
        case .rcpt: self.add(.rcpt, script) { _ in }
        case .data: self.add(.data, script) { _ in }
        case .dataHeadersEnd: self.add(.dataHeadersEnd, script) { _ in }
        case .dataPostHeaders: self.add(.dataPostHeaders, script) { _ in }
        case .receivedLine: self.add(.receivedLine, script) { $0.defaultLine }
        case .dataPost: self.add(.dataPost, script) { _ in }
        case .queuePre: self.add(.queuePre, script) { _ in }
        case .queue: self.add(.queue, script) { _ in .whole }
        case .queuePost: self.add(.queuePost, script) { _ in }
        case .vrfy: self.add(.vrfy, script) { _ in }
        case .noop: self.add(.noop, script) { _ in }
        case .help: self.add(.help, script) { _ in }
        case .quit: self.add(.quit, script) { _ in }
        case .unrecognizedCommand: self.add(.unrecognizedCommand, script) { _ in }
        case .resetTransaction: self.add(.resetTransaction, script) { _ in }
        case .disconnect: self.add(.disconnect, script) { _ in }
        case .postConnection: self.add(.postConnection, script) { _ in }
        case .deny: self.add(.deny, script) { _ in }
        case .ok: self.add(.ok, script) { _ in }
        }
    }

    private mutating func add<Event, Value>(
        _ hook: Hook<Event, Value>, _ script: HookScript, _ value: @escaping @Sendable (Event) -> Value
    ) {
        switch script {
        case .atOnce(let body):
            self.on(hook) { event, session in .constant(try body(session), value(event)) }
        case .waiting(let body):
            self.on(hook) { event, session async throws in .constant(try await body(session), value(event)) }
        }
    }

    private mutating func answerArrival(_ script: HookScript) {
        switch script {
        case .atOnce(let body):
            self.on(.preConnection) { _, arrival in .constant(try body(arrival.session), ()) }
        case .waiting(let body):
            self.on(.preConnection) { _, arrival async throws in .constant(try await body(arrival.session), ()) }
        }
    }

    /// Reads a path in angle brackets, else the first word.
    private static var parser: LineParser {
        LineParser { _, argument in
            guard let start = argument.firstIndex(of: "<"), let end = argument.lastIndex(of: ">"), start < end else {
                let words = argument.split(separator: " ").map(String.init)
                return .parsed(words.first ?? "", rest: Array(words.dropFirst()))
            }
            return .parsed(String(argument[start...end]), rest: [])
        }
    }
}

extension Verdict {
    /// An answer out of its constant; refusals say `reason`.
    public static func constant(_ code: ReturnCode, _ value: @autoclosure () -> Value) -> Self {
        switch code {
        case .ok: .ok(value())
        case .deny: .deny("reason")
        case .denysoft: .denysoft("reason")
        case .denyDisconnect: .denyDisconnect("reason")
        case .denysoftDisconnect: .denysoftDisconnect("reason")
        case .declined: .declined
        case .done: .done
        }
    }
}
