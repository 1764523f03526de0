// TLS.swift
//
// RFC 3207

public import QPHooks

/// Names the certificate, where qpsmtpd's configuration does so, and tells which sessions are encrypted.
public struct TLS: Plugin {
    public static let name = "tls"

    public static let manual = """
        tls [CERTFILE KEYFILE [CAFILE [DHPARAMFILE]]]

        Names certificate and key for STARTTLS, for configurations that come from qpsmtpd. Without files, those of
        qpsmtpd are taken: ssl/qpsmtpd-server.crt, ssl/qpsmtpd-server.key and ssl/qpsmtpd-ca.crt in the configuration
        directory or beside it; if there is no such certificate, STARTTLS is not offered. CAFILE completes the chain.
        DHPARAMFILE has no effect: there is no cipher suite here that would need it.

        The server itself encrypts, with or without this line. Where config/tls names a certificate, it counts and the
        files here do not. config/tls_ciphers and config/tls_protocols are read as well:

            certificate /etc/letsencrypt/live/mx.example.com/fullchain.pem
            key /etc/letsencrypt/live/mx.example.com/privkey.pem

        Each greeting of an encrypted session is logged with what was agreed upon.
        """

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard [0, 2, 3, 4].contains(setup.arguments.count) else {
            throw .argument("the arguments are a certificate, its key, a file of authorities and DH parameters")
        }
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.ehlo, self.tell)
        hooks.on(.helo, self.tell)
    }

    @Sendable
    func tell(_ event: HelloEvent, in session: SessionContext) -> Verdict<Void> {
        if let tls = session.tls { session.log.info("pass, \(tls.summary)") }
        return .declined
    }
}
