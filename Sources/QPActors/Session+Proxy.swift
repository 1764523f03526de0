// Session+Proxy.swift
//
// Postfix's XCLIENT and XFORWARD: a trusted client speaks for another one.

import QPHooks
import QPTelemetry

extension Session {
    /// Whether the client may say whom it speaks for. After XCLIENT the client it spoke for is asked about: nobody behind
    /// a proxy that passes everything on can go on lying.
    private var mayForward: Bool {
        self.state.connection.mayBeTrusted
            && self.settings.xclientNetworks.contains(self.state.connection.remoteAddress)
    }

    /// The lines of EHLO for XCLIENT and XFORWARD, if they may be used now.
    var proxyOffer: String {
        guard self.generation.knowsForwarding, self.mayForward else { return "" }
        return ForwardedFacts.Command.allCases.map { "250-\($0.offer)\r\n" }.joined()
    }

    /// A command without a verb of its own.
    func heardOther(_ line: ClientLine) {
        guard self.generation.knowsForwarding else { return self.heardUnknown(line) }
        switch line.name {
        case "xclient": self.heardForwarding(line, .xclient)
        case "xforward": self.heardForwarding(line, .xforward)
        default: self.heardUnknown(line)
        }
    }

    /// Whether a line is XCLIENT or XFORWARD, where anybody may say them.
    func isForwarding(_ line: ClientLine) -> Bool {
        self.generation.knowsForwarding && (line.name == "xclient" || line.name == "xforward")
    }

    private func heardForwarding(_ line: ClientLine, _ command: ForwardedFacts.Command) {
        guard self.mayForward else {
            self.log(.notice, "\(command.verb) refused: the client is not in xclient_networks")
            return self.object(Reply(550, .notAuthorized, "\(command.verb) not allowed"))
        }
        guard !self.machine.isInTransaction else {
            return self.object(Reply(503, .invalidCommand, "\(command.verb) not allowed during a mail"))
        }
        guard line.rawArgument == nil, let facts = ForwardedFacts(line.argument, of: command) else {
            return self.object(Reply(501, .invalidArguments, "malformed attributes"))
        }
        switch command {
        case .xforward:
            self.forward(facts)
            self.send(StaticReply("250 2.0.0 OK\r\n"), 250)
        case .xclient:
            self.become(facts)
        }
    }

    /// Several commands add up (XFORWARD of a long list).
    private func forward(_ facts: ForwardedFacts) {
        var all = self.state.forwarded ?? ForwardedFacts()
        all.add(facts)
        self.state.forwarded = all
        self.log(
            .info, "forwarded client",
            fields: [
                ("address", facts.address?.known?.description ?? ""), ("name", facts.name?.known ?? ""),
                ("helo", facts.helo?.known ?? ""), ("ident", facts.ident?.known ?? ""),
            ])
    }

    /// What was forwarded for a mail ends with it; a MAIL that was refused is none.
    func forgetDoors() {
        if !self.toAnswer.isEmpty { self.toAnswer = [] }
        if self.machine.isInTransaction { self.state.forwarded = nil }
    }

    // MARK: XCLIENT

    /// The session begins again as that of somebody else: nothing learnt so far is kept.
    private func become(_ facts: ForwardedFacts) {
        let old = self.state
        let connection = old.connection.asserted(by: facts)
        let state = SessionState(id: old.id, number: old.number, connection: connection)
        state.answersEachRecipient = self.answersEach
        state.tls = old.tls?.withoutClient
        if state.tls != nil { state.connectionNotes["tls_enabled"] = .int(1) }
        state.keepsChanges = old.keepsChanges
        if let name = facts.name?.known { state.remoteHost = name }
        if let user = facts.login?.known {
            // Whoever may speak for clients may also say who they are.
            state.user = user
            state.mechanism = "XCLIENT"
            state.isRelayClient = true
        }
        self.log(
            .notice, "XCLIENT from [\(old.connection.remoteAddress)]: the client is [\(connection.remoteAddress)]",
            fields: [
                ("port", String(connection.remotePort)), ("user", state.user ?? ""),
                ("helo", facts.helo?.known ?? ""), ("proto", facts.proto?.known ?? ""),
            ])
        self.endShadows()
        self.state = state
        self.context.state = state
        self.machine.greetingRefused()
        self.receivedHead = nil
        self.exchange = nil
        self.failedMechanism = nil
        self.authErrors = 0
        self.expectsStrayLines = false
        self.beforeAuth = nil
        self.memory?.forget()
        self.trail.restart()
        self.phase = .opening
        if let refusal = self.supervisor.move(old.connection.remoteAddress, to: connection.remoteAddress) {
            return self.turnAway(refusal)
        }
        self.askArrival(knowsName: facts.name != nil)
    }

    private func turnAway(_ refusal: ConnectionLedger.Refusal) {
        switch refusal {
        case .total: self.core.counters.server.refusedTotal &+= 1
        case .address: self.core.counters.server.refusedAddress &+= 1
        case .banned: self.core.counters.server.refusedBanned &+= 1
        case .draining, .resources: break
        }
        let reply = ConnectionRefused(reason: refusal, generation: self.generation).reply
        self.log(.notice, "[\(self.state.connection.remoteAddress)] may not enter: \(reply.text)")
        self.send(reply)
        self.leave(.server)
    }

    /// Asks those who decide about clients that arrive.
    private func askArrival(knowsName: Bool) {
        let event = ArrivalEvent(
            maxConnectionsPerAddress: self.settings.limits.maxConnectionsPerAddress,
            liveAddresses: self.supervisor.others(than: self.state.connection.remoteAddress))
        self.ask(.preConnection, self.generation.arrival.inSession, event) { session, _, verdict in
            guard session.phase == .opening else { return }
            if case .refused(let denial) = verdict {
                session.core.counters.server.refusedPlugin &+= 1
                session.refuse(denial, .preConnection)
                session.leave(.server)
            } else if knowsName {
                session.askConnect()
            } else {
                session.begin()
            }
        }
    }
}

extension Connection {
    /// The same connection, for the client that a trusted one named.
    fileprivate func asserted(by facts: ForwardedFacts) -> Self {
        // A client without an address is nobody that a list could hold.
        let nobody = IPAddress(ipv4: 0)
        return Connection(
            remoteAddress: facts.address.map { $0.known ?? nobody } ?? self.remoteAddress,
            remotePort: facts.port.map { $0.known ?? 0 } ?? self.remotePort,
            localAddress: facts.destinationAddress?.known ?? self.localAddress,
            localPort: facts.destinationPort?.known ?? self.localPort, listener: self.listener,
            acceptedAt: self.acceptedAt, isAsserted: true)
    }
}

extension TLSFacts {
    /// The encryption without the certificate, which was the proxy's.
    fileprivate var withoutClient: TLSFacts {
        TLSFacts(
            version: self.version, cipher: self.cipher, serverName: self.serverName, serverEndPoint: self.serverEndPoint
        )
    }
}
