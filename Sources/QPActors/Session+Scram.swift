// Session+Scram.swift
//
// RFC 5802, RFC 7677: SCRAM; RFC 5929 §4: bound to the server's certificate.

import QPHooks

extension Session {
    /// RFC 7677 §4
    private static let iterations = 4096
    private static let saltSize = 16

    /// The client's first message: plugins are asked for the user's keys.
    func heardScram(_ response: [UInt8], in exchange: AuthExchange) {
        guard let first = ScramClientFirst(response), first.isForItself, self.isAcceptable(first.binding, exchange)
        else { return self.failed(exchange, nil) }
        exchange.step = .decision
        self.state.offeredSecret = nil
        let event = AuthEvent(mechanism: exchange.mechanism.familyName, user: first.user, password: nil)
        self.ask(.auth, self.generation.chains.auth, event) { session, event, verdict in
            session.lookedUp(first, verdict)
        }
    }

    /// RFC 5802 §6: a client that thinks we cannot bind, while we offered it, has been lied to.
    private func isAcceptable(_ binding: ScramBinding, _ exchange: AuthExchange) -> Bool {
        switch binding {
        case .unsupported: !exchange.mechanism.bindsChannel
        case .notOffered:
            !exchange.mechanism.bindsChannel && !self.offeredMechanisms.contains(where: \.bindsChannel)
        case .type(let type): exchange.mechanism.bindsChannel && type == "tls-server-end-point"
        }
    }

    private func lookedUp(_ first: ScramClientFirst, _ verdict: Verdict<Void>) {
        guard let exchange = self.exchange, let hash = exchange.mechanism.scramHash else { return }
        let secret = self.state.offeredSecret
        self.state.offeredSecret = nil
        switch verdict {
        case .done: return self.endExchange()
        case .refused(let denial) where denial.isFailure:
            return self.failed(exchange, first.user, isOurs: true)
        case .declined where self.failedRuns != exchange.failedRuns:
            return self.failed(exchange, first.user, isOurs: true)
        case .ok, .okSaying, .declined, .declinedSaying, .refused: break
        }
        let isKnown = verdict.code == .ok
        switch secret {
        case .scram(let keys)? where keys.hash == hash && isKnown: self.proceed(first, keys, isGenuine: true)
        case .scram(let model)?:
            self.proceed(first, self.decoy(first.user, hash, model.iterations, model.salt.count), isGenuine: false)
        case .clear(let password)?: self.deriveKeys(first, password, hash, isGenuine: isKnown)
        case .crypt?, nil:
            self.proceed(first, self.decoy(first.user, hash, Self.iterations, Self.saltSize), isGenuine: false)
        }
    }

    /// Keys that no password fits, the same whenever the same user is asked for.
    private func decoy(_ user: String, _ hash: SASLHash, _ iterations: Int, _ saltSize: Int) -> ScramKeys {
        let secrets = self.context.seams.secrets
        return ScramKeys(
            hash: hash, iterations: iterations, salt: self.salt(of: user, saltSize),
            storedKey: secrets.decoy("stored \(user)", count: hash.size),
            serverKey: secrets.decoy("server \(user)", count: hash.size))
    }

    /// A salt made of the name. As a list of users has its names: known ones keep theirs in small and capital letters.
    private func salt(of user: String, _ size: Int) -> [UInt8] {
        self.context.seams.secrets.decoy("salt \(user.lowercased())", count: size)
    }

    /// The keys of a password that is kept in clear, off the loop. The salt is made like a decoy's, so that nobody sees
    /// who is known.
    private func deriveKeys(_ first: ScramClientFirst, _ password: String, _ hash: SASLHash, isGenuine: Bool) {
        let secrets = self.context.seams.secrets
        let salt = self.salt(of: first.user, Self.saltSize)
        self.suspend(
            FunctionRun { session in
                let token = session.token
                let prepared = SASLText.prepared(password) ?? password
                let keys = try? await secrets.keys(of: prepared, salt: salt, iterations: Self.iterations, hash)
                guard session.token == token else { return }
                session.isDeciding = false
                if let keys {
                    session.proceed(first, keys, isGenuine: isGenuine)
                } else if let exchange = session.exchange {
                    session.failed(exchange, first.user, isOurs: true)
                }
            })
    }

    private func proceed(_ first: ScramClientFirst, _ keys: ScramKeys, isGenuine: Bool) {
        guard let exchange = self.exchange else { return }
        let server = ScramServerFirst(
            clientNonce: first.nonce, serverNonce: self.nonce(), salt: keys.salt, iterations: keys.iterations)
        exchange.step = .proof(ScramProgress(first: first, server: server, keys: keys, isGenuine: isGenuine))
        self.challenge(server.text)
    }

    /// The client's last message: everything is looked at before anything is said.
    func heardProof(_ response: [UInt8], _ progress: ScramProgress, in exchange: AuthExchange) {
        guard let final = ScramClientFinal(response), final.nonce.utf8.elementsEqual(progress.server.nonce.utf8)
        else {
            return self.failed(exchange, progress.first.user)
        }
        let message = final.authMessage(progress.first, progress.server)
        let isProven = self.context.seams.secrets.proves(final.proof, of: message, progress.keys)
        var binding = Array(progress.first.header.utf8)
        if exchange.mechanism.bindsChannel { binding += self.state.tls?.serverEndPoint ?? [] }
        let isBound = ConstantTime.equal(binding, final.binding)
        guard isProven, isBound, progress.isGenuine else { return self.failed(exchange, progress.first.user) }
        let signature = self.context.seams.secrets.signature(of: message, progress.keys)
        exchange.step = .acknowledgement(user: progress.first.user)
        self.challenge("v=\(Base64.text(signature))")
    }
}
