// Session+Auth.swift
//
// RFC 4954: AUTH.

import QPHooks

extension Session {
    /// Octets of a line of an exchange, with CRLF (RFC 4954 §4).
    private static let lineLimit = 12288

    /// The line of EHLO for AUTH, if it may be used now.
    var authOffer: String {
        let mechanisms = self.offeredMechanisms
        return mechanisms.isEmpty ? "" : "250-AUTH \(mechanisms.map(\.rawValue).joined(separator: " "))\r\n"
    }

    /// What the client may use now; nothing in clear unless configured.
    var offeredMechanisms: [SASLMechanism] {
        guard !self.generation.auth.isEmpty, self.state.tls != nil || self.settings.authInClear else { return [] }
        return self.generation.auth.mechanisms(for: self.state.tls)
    }

    // MARK: The command

    func heardAuth(_ line: ClientLine) {
        // Clients that do not wait for the answer send their secrets as commands if it is a refusal.
        self.expectsStrayLines = true
        guard !self.generation.auth.isEmpty else { return self.heardUnknown(line) }
        if let objection = self.objectionToAuth { return self.object(objection) }
        guard line.rawArgument == nil else { return self.object(Self.undecodable) }
        let (address, now) = (self.state.connection.remoteAddress, self.core.now)
        if self.supervisor.authLedger({ $0.isBlocked(address, at: now) }) {
            self.log(.notice, "AUTH refused for now: too many failed attempts from \(address)")
            return self.object(Reply(454, .securityPolicy, "too many failed attempts, try again later"))
        }
        let event = ParseEvent(verb: line.name, argument: line.argument)
        self.ask(.authParse, self.generation.chains.authParse, event) { session, event, verdict in
            session.parsedAuth(event, verdict.value)
        }
    }

    private var objectionToAuth: Reply? {
        guard self.machine.isGreeted, self.state.introduction?.isExtended == true else {
            return Reply(503, .invalidCommand, "EHLO first")
        }
        if self.state.user != nil { return Reply(503, .invalidCommand, "already authenticated") }
        if self.machine.isInTransaction { return Reply(503, .invalidCommand, "AUTH is not allowed within a mail") }
        guard self.state.tls != nil || self.settings.authInClear else {
            return Reply(538, .encryptionRequired, "encryption required, STARTTLS first")
        }
        return nil
    }

    private static let malformed = Reply(501, .invalidArguments, "AUTH takes a mechanism and one initial response")
    /// RFC 4954 §4
    private static let undecodable = Reply(501, .syntaxError, "cannot decode the response")

    private func parsedAuth(_ event: ParseEvent, _ parser: LineParser?) {
        var words = event.argument.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        if let parser {
            switch self.parse(event, parser) {
            case .parsed(let name, let rest)?: words = [name] + rest
            case .failed(let text)?:
                return self.object(Reply(501, .invalidArguments, text.isEmpty ? "syntax error" : text))
            case nil: break
            }
        }
        guard (1...2).contains(words.count), !words[0].isEmpty else { return self.object(Self.malformed) }
        guard let mechanism = SASLMechanism(name: words[0]), self.offeredMechanisms.contains(mechanism) else {
            return self.object(Reply(504, .invalidArguments, "mechanism not supported"))
        }
        self.beginExchange(mechanism, words.count > 1 ? words[1] : nil)
    }

    private func beginExchange(_ mechanism: SASLMechanism, _ initial: String?) {
        guard initial == nil || !mechanism.serverBegins else {
            // RFC 4954 §4
            return self.object(Reply(501, .securityPolicy, "no initial response with this mechanism"))
        }
        let exchange = AuthExchange(mechanism, failedRuns: self.failedRuns)
        self.exchange = exchange
        self.framer.limit = Self.lineLimit
        if let initial {
            // `=` stands for a response without octets (RFC 4954 §4).
            guard let response = initial == "=" ? [] : Base64.octets(initial.utf8) else { return self.notBase64() }
            return self.heard(response, in: exchange)
        }
        switch mechanism {
        case .cramMD5:
            let challenge = self.newChallenge()
            exchange.step = .answer(challenge: challenge)
            self.challenge(challenge)
        case .login: self.challenge("Username:")
        case .plain, .external, .scramSHA1, .scramSHA1Plus, .scramSHA256, .scramSHA256Plus: self.challenge("")
        }
    }

    // MARK: Lines

    /// A line of an exchange, without its end.
    func heardResponse(_ bytes: UnsafeRawBufferPointer, bareLF: Bool) {
        guard let exchange = self.exchange else { return }
        if bareLF, !self.toleratesBareLF() { return self.endExchange() }
        if bytes.elementsEqual([UInt8(ascii: "*")]) {
            self.endExchange()
            return self.object(Reply(501, .securityPolicy, "authentication cancelled"))
        }
        guard let response = Base64.octets(bytes) else { return self.notBase64() }
        self.heard(response, in: exchange)
    }

    /// RFC 4954 §4: the exchange ends.
    func responseTooLong() {
        self.endExchange()
        self.object(Reply(500, .authenticationLineTooLong, "authentication line too long"))
    }

    private func notBase64() {
        self.endExchange()
        self.object(Self.undecodable)
    }

    /// Sends a challenge, whose content nobody logs.
    func challenge(_ text: String) {
        self.send(Array("334 \(Base64.text(Array(text.utf8)))\r\n".utf8), 334)
    }

    func endExchange() {
        // Nobody makes us hash, or asks for salts, more often than passwords may be tried: whoever goes away has tried.
        if let exchange = self.exchange, case .proof = exchange.step { self.countAttempt(exchange) }
        self.exchange = nil
        self.framer.limit = LineFramer().limit
        self.state.offeredSecret = nil
    }

    private func heard(_ response: [UInt8], in exchange: AuthExchange) {
        switch exchange.step {
        case .first: self.heardFirst(response, in: exchange)
        case .password(let user):
            guard let password = SASLText.password(response) else { return self.failed(exchange, user) }
            self.askAuth(exchange, AuthEvent(mechanism: "login", user: user, password: password))
        case .answer(let challenge):
            guard let answer = CramAnswer(response) else { return self.failed(exchange, nil) }
            self.askAuth(
                exchange,
                AuthEvent(
                    mechanism: "cram-md5", user: answer.user, password: nil, digest: answer.digest, ticket: challenge))
        case .proof(let progress): self.heardProof(response, progress, in: exchange)
        case .acknowledgement(let user):
            guard response.isEmpty else { return self.failed(exchange, user) }
            self.authenticated(exchange, user)
        case .decision: break
        }
    }

    private func heardFirst(_ response: [UInt8], in exchange: AuthExchange) {
        switch exchange.mechanism {
        case .plain:
            guard let message = PlainMessage(response), message.isForItself else { return self.failed(exchange, nil) }
            self.askAuth(
                exchange, AuthEvent(mechanism: "plain", user: message.user, password: message.password))
        case .login:
            guard let user = SASLText.name(response) else { return self.failed(exchange, nil) }
            exchange.step = .password(user: user)
            self.challenge("Password:")
        case .external:
            guard let user = self.certified(response) else { return self.failed(exchange, nil) }
            self.askAuth(exchange, AuthEvent(mechanism: "external", user: user, password: nil))
        case .scramSHA1, .scramSHA1Plus, .scramSHA256, .scramSHA256Plus: self.heardScram(response, in: exchange)
        case .cramMD5: self.failed(exchange, nil)
        }
    }

    /// RFC 4422 §A: the name a client's certificate gives it; one it asks for must be among those.
    private func certified(_ response: [UInt8]) -> String? {
        guard let certificate = self.state.tls?.clientCertificate, certificate.isVerified else { return nil }
        let names = certificate.names + [certificate.commonName].compactMap(\.self)
        guard response.isEmpty else {
            guard let wanted = SASLText.name(response) else { return nil }
            return names.contains { $0.lowercased() == wanted.lowercased() } ? wanted : nil
        }
        let name = certificate.names.first { $0.contains("@") } ?? certificate.commonName ?? certificate.names.first
        return name.flatMap { SASLText.name(Array($0.utf8)) }
    }

    /// RFC 2195 §2: a message identifier nobody has seen before.
    private func newChallenge() -> String {
        "<\(self.nonce()).\(self.core.loop.wallNow() / 1_000_000_000)@\(self.settings.me)>"
    }

    /// 128 random bits in letters.
    func nonce() -> String {
        let calls = CallCounter(session: self.state.id, plugin: "", hook: .auth, count: self.context.calls)
        return (0..<2).map { _ in String(self.context.seams.random.next(origin: calls.next()), radix: 36) }.joined()
    }

    // MARK: The decision

    /// Asks the mechanism's own hook, then auth.
    private func askAuth(_ exchange: AuthExchange, _ event: AuthEvent) {
        exchange.step = .decision
        let chains = self.generation.chains
        switch exchange.mechanism {
        case .plain: self.askFirst(.authPlain, chains.authPlain, event)
        case .login: self.askFirst(.authLogin, chains.authLogin, event)
        case .cramMD5: self.askFirst(.authCramMD5, chains.authCramMD5, event)
        case .external, .scramSHA1, .scramSHA1Plus, .scramSHA256, .scramSHA256Plus:
            self.ask(.auth, chains.auth, event) { session, event, verdict in session.decidedAuth(event, verdict) }
        }
    }

    private func askFirst(_ hook: HookID, _ chain: Chain<AuthEvent, Void>, _ event: AuthEvent) {
        self.ask(hook, chain, event) { session, event, verdict in
            guard verdict.code == .declined else { return session.decidedAuth(event, verdict) }
            session.ask(.auth, session.generation.chains.auth, event) { session, event, verdict in
                session.decidedAuth(event, verdict)
            }
        }
    }

    private func decidedAuth(_ event: AuthEvent, _ verdict: Verdict<Void>) {
        guard let exchange = self.exchange else { return }
        switch verdict {
        case .ok, .okSaying: self.authenticated(exchange, event.user)
        case .done: self.endExchange()
        case .refused(let denial): self.failed(exchange, event.user, isOurs: denial.isFailure)
        case .declined, .declinedSaying:
            self.failed(exchange, event.user, isOurs: self.failedRuns != exchange.failedRuns)
        }
    }

    func authenticated(_ exchange: AuthExchange, _ user: String) {
        self.endExchange()
        self.expectsStrayLines = false
        let address = self.state.connection.remoteAddress
        self.supervisor.authLedger { $0.succeeded(address) }
        if self.state.tls == nil { self.beforeAuth = BeforeAuth(self.state) }
        self.context.apply(.authenticated(user: user, mechanism: exchange.mechanism.hookName))
        self.context.apply(.relayClient(true))
        if self.state.connectionNotes["naughty"] != nil {
            self.context.apply(.note(.connection, "naughty", .int(0)))
        }
        // The word of the Received field is another one now.
        self.receivedHead = nil
        self.log(.info, "authenticated", fields: [("user", user), ("mechanism", exchange.mechanism.rawValue)])
        self.send(Reply(235, .securityPolicy, "authentication successful"))
    }

    /// The client has failed, or (`isOurs`) we have. Unknown users, wrong passwords and malformed messages are told alike.
    func failed(_ exchange: AuthExchange, _ user: String?, isOurs: Bool = false) {
        self.endExchange()
        if self.authErrors < .max { self.authErrors += 1 }
        let limits = self.settings.limits
        self.log(
            .notice, isOurs ? "authentication impossible for now" : "authentication failed",
            fields: [("user", user ?? ""), ("mechanism", exchange.mechanism.rawValue)])
        if isOurs {
            self.send(Reply(454, .securityPolicy, "temporary authentication failure"))
        } else {
            self.failedMechanism = exchange.mechanism
            self.countAttempt(exchange)
            self.send(Reply(535, .badCredentials, "authentication failed"))
        }
        guard Int(self.authErrors) >= limits.authErrors else { return }
        self.send(Reply(421, .securityPolicy, "too many failed authentications"))
        self.leave(.server)
    }

    /// Counts an attempt of the address, each once.
    func countAttempt(_ exchange: AuthExchange) {
        guard !exchange.isCounted else { return }
        exchange.isCounted = true
        let (address, now, limits) = (self.state.connection.remoteAddress, self.core.now, self.settings.limits)
        self.supervisor.authLedger { $0.failed(address, at: now, limits) }
    }

    // MARK: What others need

    /// RFC 3207 §4.2: who authenticated in clear may have been somebody else.
    func forgetUser() {
        if self.state.user != nil {
            let before = self.beforeAuth
            self.context.apply(.relayClient(before?.mayRelay ?? false))
            if let naughty = before?.naughty, self.state.connectionNotes["naughty"] == .int(0) {
                self.context.apply(.note(.connection, "naughty", naughty))
            }
        }
        self.beforeAuth = nil
        self.state.user = nil
        self.state.mechanism = nil
        self.failedMechanism = nil
    }

    /// A line that is no command, right after an AUTH that was refused or failed: it is somebody's secret.
    func isStray(_ line: ClientLine) -> Bool {
        guard self.expectsStrayLines else { return false }
        switch line.verb {
        case .other: return !self.isForwarding(line)
        case .auth: return false
        default:
            self.expectsStrayLines = false
            return false
        }
    }

    /// What Authentication-Results says of the client (RFC 8601 §2.7.4).
    var authResult: String {
        if let user = self.state.user {
            return "auth=pass (\(self.state.mechanism ?? "")) smtp.auth=\(ResultValue.text(user))"
        }
        return self.failedMechanism.map { "auth=fail (\($0.hookName))" } ?? "auth=none"
    }
}

extension Denial {
    /// A temporary refusal whose enhanced status the plugin gave itself says that it could not decide; a bare DENYSOFT is
    /// a refusal as any other, as in qpsmtpd.
    var isFailure: Bool { self.kind.isSoft && self.status != nil }
}
