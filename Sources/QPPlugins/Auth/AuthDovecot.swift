// AuthDovecot.swift
//
// Dovecot's protocol for authentication clients, version 1.1; RFC 4616 §2

public import QPHooks

/// Authenticates users by Dovecot.
public struct AuthDovecot: Plugin {
    public static let name = "auth/auth_dovecot"

    public static let manual = """
        auth/auth_dovecot [socket PATH]

        Asks Dovecot's authentication server for PLAIN and LOGIN, at the local socket PATH (default
        /var/run/dovecot/auth-client). The server's user must be allowed to use it; in Dovecot's configuration:

            service auth {
              unix_listener auth-client {
                mode = 0660
                user = qpserver
              }
            }

        Dovecot is told the addresses of both ends and whether the connection is encrypted, so that its own rules work. A
        user whom Dovecot does not know, or whose password is wrong, is left to the next plugin; when Dovecot cannot be
        asked, or cannot say within 20 s, the client hears of a temporary failure. Connections are kept for later ones, up
        to 8 of them.
        """

    private let socket: String
    private let shelf = DovecotShelf()

    public init(_ setup: PluginSetup) throws(PluginError) {
        self.socket = try setup.keyedArguments(["socket"])["socket"] ?? "/var/run/dovecot/auth-client"
        guard self.socket.hasPrefix("/") else { throw .argument("socket '\(self.socket)' is no path from the root on") }
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.authPlain, self.check)
        hooks.on(.authLogin, self.check)
    }

    @Sendable
    func check(_ event: AuthEvent, in session: SessionContext) async -> Verdict<Void> {
        guard let password = event.password, !(event.user + password).utf8.contains(0) else { return .declined }
        let response = Base64.text(Array("\0\(event.user)\0\(password)".utf8))
        let request = ["PLAIN", "service=smtp"] + Self.facts(session) + ["resp=\(response)"]
        do throws(DovecotFailure) {
            switch try await self.ask(request, session) {
            case .ok:
                session.log.info("pass, \(event.user)")
                return .ok
            case .failed:
                session.log.info("fail, \(event.user)")
                return .declined
            case .unavailable:
                session.log.error("error, Dovecot cannot say")
            }
        } catch {
            session.log.error("error, \(error.text)")
        }
        return .denysoft("cannot look at the password now", .securityPolicy)
    }

    private static func facts(_ session: SessionContext) -> [String] {
        let connection = session.connection
        var facts = [
            "lip=\(connection.localAddress)", "lport=\(connection.localPort)", "rip=\(connection.remoteAddress)",
            "rport=\(connection.remotePort)", "session=\(session.id)",
        ]
        // Without it Dovecot refuses PLAIN, unless it is configured otherwise.
        if session.tls != nil { facts.append("secured") }
        return facts
    }

    /// A connection that was kept may have ended meanwhile: the question is then asked again on a new one.
    private func ask(
        _ request: [String], _ session: SessionContext
    ) async throws(DovecotFailure) -> DovecotConnection.Answer {
        if let kept = self.shelf.take(), let answer = try? await self.ask(request, on: kept) { return answer }
        let stream: any ByteStream
        do {
            stream = try await session.connections.connect(to: .unix(path: self.socket), timeout: .seconds(5))
        } catch {
            throw DovecotFailure("\(error)")
        }
        let connection = DovecotConnection(stream)
        // Clients are told apart by this number.
        let number = 1 + session.random.below(0x7FFF_FFFE)
        do throws(DovecotFailure) {
            try await connection.begin(number)
        } catch {
            await connection.close()
            throw error
        }
        return try await self.ask(request, on: connection)
    }

    private func ask(
        _ request: [String], on connection: DovecotConnection
    ) async throws(DovecotFailure) -> DovecotConnection.Answer {
        do throws(DovecotFailure) {
            let answer = try await connection.ask(request)
            if !self.shelf.put(connection) { await connection.close() }
            return answer
        } catch {
            await connection.close()
            throw error
        }
    }
}
