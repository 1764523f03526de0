// MetricsFamilies.swift
//
// The families of the server as a whole. docs/metrics.md has the same list; a test compares them.

import QPTelemetry

extension MetricsFamily {
    /// Every family, in the order in which they are written.
    package static let all: [Self] =
        Self.about + Self.ofHooks + Self.ofPlugins + Self.ofSessions + Self.ofMail + Self.ofLoops
        + Self.ofConfiguration + Self.ofObservers + Self.ofProcess

    private static let about: [Self] = [
        .init(
            .info, "qpserver_build_info", [.init("version")], "The version that runs; always 1.",
            .labelled { [.init([$0.version], 1)] }),
        .init(
            .gauge, "qpserver_draining", "1 while new connections are turned away by drain.",
            .number { $0.isDraining ? 1 : 0 }),
        .init(
            .gauge, "qpserver_soft_bounce", "1 while every 5xx leaves as 4xx.", .number { $0.isSoftBouncing ? 1 : 0 }),
    ]

    private static let ofSessions: [Self] = [
        .init(
            .gauge, "qpserver_sessions", [.listener, .phase], "Sessions that live, by how far they have come.",
            .labelled { $0.sessions }),
        .init(.gauge, "qpserver_sessions_limit", "Sessions that may live at once.", .number { $0.sessionsLimit }),
        .init(
            .counter, "qpserver_connections_total",
            [
                .listener,
                .init(
                    "result",
                    ["accepted", "total", "address", "banned", "draining", "resources", "plugin", "abandoned", "proxy"]),
            ],
            """
            Connections by what became of them: accepted, or why not (too many in all, too many of the address, banned, \
            draining, no resources, a plugin, gone before it was decided, no PROXY header that may be believed).
            """,
            .labelled { $0.connections }),
        .init(
            .counter, "qpserver_disconnects_total",
            [.phase, .init("by", ["client", "server", "timeout", "operator"])],
            "Sessions that ended, by how far they had come and who ended them.", .labelled { $0.disconnects }),
        .init(
            .histogram, "qpserver_session_duration_seconds", "Sessions that ended, by how long they lived.",
            .histogram { $0.sessionDurations }),
        .init(
            .histogram, "qpserver_admission_wait_seconds", "Time from accept to the end of pre-connection.",
            .histogram { $0.admissionWaits }),
    ]

    private static let ofMail: [Self] = [
        .init(.counter, "qpserver_commands_total", [.init("verb", Self.verbs)], "Commands.", .labelled { $0.commands }),
        .init(.counter, "qpserver_replies_total", [.init("code")], "Replies by code.", .labelled { $0.replies }),
        .init(
            .counter, "qpserver_recipients_total", [.init("result", ["accepted", "rejected", "deferred"])],
            "Recipients (RCPT) by result.", .labelled { $0.recipients }),
        .init(
            .counter, "qpserver_messages_total", [.mailResult], "Messages by result, after their last octet.",
            .labelled { $0.messages }),
        .init(
            .counter, "qpserver_deliveries_total", [.backend, .mailResult],
            "Messages by what a queue backend answered.", .labelled { $0.deliveries }),
        .init(.histogram, "qpserver_message_size_bytes", "Messages by size.", .histogram { $0.messageSizes }),
        .init(
            .counter, "qpserver_received_bytes_total", "Octets received from clients.",
            .number { Double($0.receivedOctets) }),
        .init(
            .counter, "qpserver_message_bytes_total", "Octets of messages received.",
            .number { Double($0.messageOctets) }),
        .init(
            .counter, "qpserver_bare_newline_warnings_total",
            "Messages with bare newlines that were let through with a warning.",
            .number { Double($0.bareNewlineWarnings) }),
        .init(
            .counter, "qpserver_tls_handshakes_total", [.init("result", Self.handshakeResults)],
            """
            TLS handshakes by result: ok, or why they failed (octets that were not TLS, too slow, the client's alert, \
            the client's certificate, nothing in common, the client gone, no certificate here, the session ended).
            """,
            .labelled { $0.handshakes }),
        .init(
            .counter, "qpserver_tls_connections_total", [.init("version"), .init("cipher")],
            "TLS handshakes that succeeded, by what was agreed upon.", .labelled { $0.ciphers }),
        .init(
            .counter, "qpserver_external_requests_total", [.kind, .init("result", ["ok", "error", "timeout"])],
            "Requests to what the server depends on (dns, connect, http, store).", .labelled { $0.externalRequests }),
        .init(
            .gauge, "qpserver_external_in_flight", [.kind], "Requests that wait for their answer.",
            .labelled { $0.externalInFlight }),
        .init(.gauge, "qpserver_bans", "Bans in force.", .number { $0.bans }),
        .init(
            .counter, "qpserver_ban_hits_total", "Connections that a ban turned away.", .number { Double($0.banHits) }),
    ]

    private static let handshakeResults = [
        "ok", "plaintext", "timeout", "alert", "certificate", "protocol", "closed", "unavailable", "abandoned",
    ]

    private static let verbs = [
        "helo", "ehlo", "lhlo", "mail", "rcpt", "data", "bdat", "rset", "noop", "vrfy", "help", "quit", "expn", "auth",
        "starttls", "other",
    ]
}
