// AuthFlatFile.swift
//
// RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5), RFC 5802 and RFC 7677 (SCRAM), RFC 4422 §A (EXTERNAL)

public import QPHooks

/// Authenticates users that a file lists.
public struct AuthFlatFile: Plugin {
    public static let name = "auth/auth_flat_file"

    public static let manual = """
        auth/auth_flat_file [external 0|1]

        Authenticates the users of config/flat_auth_pw, one a line: the name with its domain, a colon, and the password or
        what is kept of it.

            ann@example.org:Good Strong Passphrase
            bob@example.org:$2b$10$GhvMmNVjRW29ulnudl.LbuqHiG8cGdhutsp0CrHECIDTo/AV1wpoS
            cid@example.org:{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,STORED-KEY,SERVER-KEY

        Hashes are those of crypt(3): bcrypt ($2b$), yescrypt ($y$), SHA-512 ($6$), SHA-256 ($5$). SCRAM's keys are also
        taken in the form SCRAM-SHA-256$4096:SALT$STORED:SERVER. {PLAIN} in front says that the rest is a password whatever
        it looks like. Names are the same in small and capital letters.

        PLAIN and LOGIN work with all of these. CRAM-MD5 is offered when every line has a password, SCRAM-SHA-1 and
        SCRAM-SHA-256 when every line has a password or keys of that kind: a client takes the strongest mechanism it is
        offered. What is offered is decided when the configuration is loaded; users come and go at once.

        A user without domain, or one that is not listed, is left to the next plugin, after as much work as a wrong password
        makes; a wrong password is refused. With `external 1` (default 0) a client whose certificate was verified is a
        listed user if the certificate names it.

        Whoever can read the file has the passwords: keep it for the server's own user (mode 0600), and prefer hashes.
        """

    struct Users: Sendable {
        var secrets: [String: StoredSecret] = [:]
        /// Whose secret is looked at when there is no such user: the dearest kind.
        var model: StoredSecret?

        func knows(_ kinds: (StoredSecret) -> Bool) -> Bool { self.secrets.values.allSatisfy(kinds) }
    }

    private let users: ConfigTable<Users>
    private let takesCertificates: Bool
    private let takesDigests: Bool

    public init(_ setup: PluginSetup) throws(PluginError) {
        let arguments = try setup.keyedArguments(["external"])
        switch arguments["external"] ?? "0" {
        case "0": self.takesCertificates = false
        case "1": self.takesCertificates = true
        case let other: throw .argument("external '\(other)' is neither 0 nor 1")
        }
        self.users = try setup.table("flat_auth_pw", Self.parse)
        let now = try Self.parse(
            ConfigFile(name: "flat_auth_pw", path: nil, lines: setup.lines(of: "flat_auth_pw"), me: setup.me))
        self.takesDigests = now.knows { if case .clear = $0 { true } else { false } }
        setup.declareMechanisms(Self.mechanisms(now).union(self.takesCertificates ? [.external] : []))
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.authPlain, self.checkPassword)
        hooks.on(.authLogin, self.checkPassword)
        if self.takesDigests { hooks.on(.authCramMD5, self.checkDigest) }
        hooks.on(.auth, self.lookUp)
    }

    @Sendable
    func checkPassword(_ event: AuthEvent, in session: SessionContext) async -> Verdict<Void> {
        guard let password = event.password, !password.isEmpty else {
            session.log.info("fail, no password")
            return .deny("missing password")
        }
        let users = self.users.content(in: session)
        let secret = users.secrets[Self.key(event.user)]
        guard let kept = secret ?? users.model else { return self.unknown(session) }
        do {
            let fits = try await session.passwords.fits(password, kept)
            guard secret != nil else { return self.unknown(session) }
            session.log.info(fits ? "pass, \(event.user)" : "fail, wrong password of \(event.user)")
            return fits ? .ok : .deny("wrong password")
        } catch {
            session.log.error("error, \(error)")
            return .denysoft("cannot look at the password now", .securityPolicy)
        }
    }

    @Sendable
    func checkDigest(_ event: AuthEvent, in session: SessionContext) -> Verdict<Void> {
        let users = self.users.content(in: session)
        let secret = users.secrets[Self.key(event.user)]
        guard case .clear(let password)? = secret ?? users.model, let digest = event.digest, let ticket = event.ticket
        else { return self.unknown(session) }
        let fits = session.passwords.fits(digest: digest, of: ticket, password: password)
        guard secret != nil else { return self.unknown(session) }
        session.log.info(fits ? "pass, \(event.user)" : "fail, wrong password of \(event.user)")
        return fits ? .ok : .deny("wrong password")
    }

    /// SCRAM, whose proof the server looks at, and EXTERNAL, whose certificate it has looked at.
    @Sendable
    func lookUp(_ event: AuthEvent, in session: SessionContext) -> Verdict<Void> {
        let users = self.users.content(in: session)
        let secret = users.secrets[Self.key(event.user)]
        switch event.mechanism {
        case "scram-sha-1", "scram-sha-256":
            if let kept = secret ?? users.model { session.offer(kept) }
            guard secret != nil else { return self.unknown(session) }
            session.log.info("pass, keys of \(event.user) handed over")
            return .ok
        case "external" where self.takesCertificates:
            guard secret != nil else { return self.unknown(session) }
            session.log.info("pass, \(event.user) by certificate")
            return .ok
        default:
            return .declined
        }
    }

    private func unknown(_ session: SessionContext) -> Verdict<Void> {
        session.log.info("fail, no such user")
        return .declined
    }

    private static func mechanisms(_ users: Users) -> Set<SASLMechanism> {
        var mechanisms: Set<SASLMechanism> = []
        for (mechanism, hash) in [(SASLMechanism.scramSHA1, SASLHash.sha1), (.scramSHA256, .sha256)] {
            let fits = users.knows { secret in
                switch secret {
                case .clear: true
                case .scram(let keys): keys.hash == hash
                case .crypt: false
                }
            }
            if fits { mechanisms.insert(mechanism) }
        }
        return mechanisms
    }

    private static func key(_ user: String) -> String { user.contains("@") ? user.lowercased() : "" }

    @Sendable
    private static func parse(_ file: ConfigFile) throws(PluginError) -> Users {
        var users = Users()
        for line in file.lines {
            guard let colon = line.text.firstIndex(of: ":"), let at = line.text[..<colon].firstIndex(of: "@"),
                at > line.text.startIndex, line.text.index(after: at) < colon
            else { throw line.error("a line is user@domain:password") }
            guard let secret = StoredSecret(String(line.text[line.text.index(after: colon)...])) else {
                throw line.error("the password is empty, or in no form that is known here")
            }
            guard users.secrets.updateValue(secret, forKey: line.text[..<colon].lowercased()) == nil else {
                throw line.error("this user is listed already")
            }
            users.model = Self.dearer(users.model, secret)
        }
        return users
    }

    private static func dearer(_ left: StoredSecret?, _ right: StoredSecret) -> StoredSecret {
        switch (left, right) {
        case (nil, _), (.clear?, .scram), (.clear?, .crypt), (.scram?, .crypt): right
        case (let left?, _): left
        }
    }
}
