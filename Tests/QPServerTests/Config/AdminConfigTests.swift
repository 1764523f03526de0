// AdminConfigTests.swift
//
// Where the admin endpoint listens, and who may do what.

import Glibc
import QPHooks
import QPTelemetry
import Testing

@testable import QPServer

@Suite struct AdminConfigTests {
    static let hash = String(repeating: "0f", count: 32)
    static let otherHash = String(repeating: "A1", count: 32)
    static let certificate = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
    static let key = "text before\n-----BEGIN EC PRIVATE KEY-----\nMII\n-----END EC PRIVATE KEY-----\n"

    /// A folder whose secrets are for their owner only.
    static func folder(_ files: [String: String]) -> ConfigFolder {
        let files = files.merging(["a.crt": Self.certificate, "a.key": Self.key]) { mine, _ in mine }
        let folder = ConfigFolder(files)
        for name in ["admin_tokens", "a.key"] { chmod("\(folder.path)/\(name)", 0o600) }
        return folder
    }

    struct Row: CustomTestStringConvertible {
        let testDescription: String
        let files: [String: String]
        let problems: [String]
        let addresses: [String]

        init(_ name: String, _ files: [String: String], _ problems: [String], addresses: [String] = []) {
            self.testDescription = name
            self.files = files
            self.problems = problems
            self.addresses = addresses
        }
    }

    static let open = "would let the network see and steer this server"

    @Test(arguments: [
        Row("nothing", [:], []),
        Row(
            "this host", ["admin": "127.0.0.1:8025\n[::1]:8025\nlocalhost:8026\nunix:/run/qp.sock"], [],
            addresses: ["127.0.0.1:8025", "[::1]:8025", "localhost:8026", "unix:/run/qp.sock"]),
        Row(
            "any port twice", ["admin": "127.0.0.1:0\n127.0.0.1:0"], [], addresses: ["127.0.0.1:0", "127.0.0.1:0"]),
        Row(
            "a place twice", ["admin": "127.0.0.1:8025\n127.0.0.1:8025 host a\nunix:/a\nunix:/a"],
            ["admin:2: error: 127.0.0.1:8025 stands here twice", "admin:4: error: unix:/a stands here twice"],
            addresses: ["127.0.0.1:8025", "unix:/a"]),
        Row(
            "a relative path", ["admin": "unix:run/s"],
            ["admin:1: error: unix: needs an absolute path of up to 107 octets"]),
        Row(
            "a path too long", ["admin": "unix:/" + String(repeating: "x", count: 107)],
            ["admin:1: error: unix: needs an absolute path of up to 107 octets"]),
        Row("no port", ["admin": "nowhere"], ["admin:1: error: 'nowhere' needs a port (ADDR:PORT)"]),
        Row(
            "the network, bare", ["admin": "#\n*:8025"],
            ["admin:2: error: 0.0.0.0:8025 \(open); add tls (tls CERTFILE KEYFILE) and a token (config/admin_tokens)"]),
        Row(
            "the network, without a token", ["admin": "192.0.2.1:8025 tls a.crt a.key"],
            ["admin:1: error: 192.0.2.1:8025 \(open); add a token (config/admin_tokens)"]),
        Row(
            "the network, without tls", ["admin": "[2001:db8::1]:8025", "admin_tokens": "viewer ann \(hash)"],
            ["admin:1: error: [2001:db8::1]:8025 \(open); add tls (tls CERTFILE KEYFILE)"]),
        Row(
            "the network, in order",
            ["admin": "mx.example:8443 host MX.example tls a.crt a.key", "admin_tokens": "viewer ann \(hash)"], [],
            addresses: ["mx.example:8443"]),
        Row("half of tls", ["admin": "127.0.0.1:1 tls a.crt"], ["admin:1: error: tls needs CERTFILE and KEYFILE"]),
        Row(
            "tls twice", ["admin": "127.0.0.1:1 tls a.crt a.key tls a.crt a.key"],
            ["admin:1: error: tls stands here twice"]),
        Row("no certificate", ["admin": "127.0.0.1:1 tls b.crt a.key"], ["admin:1: error: tls: there is no b.crt"]),
        Row(
            "files the wrong way round", ["admin": "127.0.0.1:1 tls a.key a.crt"],
            ["admin:1: error: tls: a.key holds no certificate in PEM form"]),
        Row(
            "a key in another form", ["admin": "127.0.0.1:1 tls a.crt b.key", "b.key": "\u{0}\u{1}"],
            ["admin:1: error: tls: b.key holds no private key in PEM form"]),
        Row(
            "an open key", ["admin": "127.0.0.1:1 tls a.crt c.key", "c.key": key],
            ["admin:1: warning: c.key may be read by other users (chmod o-r)"], addresses: ["127.0.0.1:1"]),
        Row(
            "tls on a local socket", ["admin": "unix:/a tls a.crt a.key"], ["admin:1: error: tls is for ADDR:PORT only"]
        ),
        Row("a host too few", ["admin": "127.0.0.1:1 host"], ["admin:1: error: host needs a name"]),
        Row("an odd host", ["admin": "127.0.0.1:1 host a/b"], ["admin:1: error: 'a/b' is no host name"]),
        Row(
            "another option", ["admin": "127.0.0.1:1 hots a"],
            ["admin:1: error: there is no option 'hots' (did you mean host?)"]),
    ])
    func places(_ row: Row) {
        let folder = Self.folder(row.files)
        let config = AdminConfig(folder.directory)
        #expect(folder.short(config.problems) == row.problems)
        #expect(config.addresses.map(\.description) == row.addresses)
    }

    @Test(arguments: [
        Row(
            "three words", ["admin_tokens": "viewer ann"],
            ["admin_tokens:1: error: needs ROLE NAME SHA256HEX [addresses=shown|hashed]: see `qpserver token`"]),
        Row(
            "a role", ["admin_tokens": "veiwer ann \(hash)"],
            ["admin_tokens:1: error: there is no role 'veiwer' (did you mean viewer?)"]),
        Row(
            "no role at all", ["admin_tokens": "everything ann \(hash)"],
            ["admin_tokens:1: error: there is no role 'everything' (scrape, viewer, operator, admin)"]),
        Row(
            "a name", ["admin_tokens": "viewer a/b \(hash)"],
            ["admin_tokens:1: error: 'a/b' is no name: up to 64 letters, digits and - _ ."]),
        Row(
            "a short hash", ["admin_tokens": "viewer ann 0f0f"],
            ["admin_tokens:1: error: the hash is not 64 hexadecimal digits"]),
        Row(
            "no hash", ["admin_tokens": "viewer ann " + String(repeating: "0g", count: 32)],
            ["admin_tokens:1: error: the hash is not 64 hexadecimal digits"]),
        Row(
            "a token that gives itself away", ["admin_tokens": "viewer ann qps_geheim"],
            ["admin_tokens:1: error: a token itself does not belong here, only its hash: see `qpserver token`"]),
        Row(
            "a name twice", ["admin_tokens": "viewer ann \(hash)\nadmin ann \(otherHash)"],
            ["admin_tokens:2: error: there is a token 'ann' already"]),
        Row(
            "a token twice", ["admin_tokens": "viewer ann \(hash)\nadmin bob \(hash.uppercased())"],
            ["admin_tokens:2: error: this is the token of 'ann'"]),
        Row(
            "a fourth word", ["admin_tokens": "viewer ann \(hash) addresses=none"],
            ["admin_tokens:1: error: 'addresses=none' is neither addresses=shown nor addresses=hashed"]),
        Row(
            "a user", ["admin_users": "no-such-user viewer"],
            ["admin_users:1: error: there is no user 'no-such-user'"]),
        Row("a user without a role", ["admin_users": "root"], ["admin_users:1: error: needs USER ROLE"]),
        Row(
            "a user's role", ["admin_users": "root Admin"],
            ["admin_users:1: error: there is no role 'Admin' (did you mean admin?)"]),
        Row(
            "a user twice", ["admin_users": "root viewer\n0 admin"],
            ["admin_users:2: error: user 0 has a role already"]),
    ])
    func mistakes(_ row: Row) {
        let folder = Self.folder(row.files)
        #expect(folder.short(AdminConfig(folder.directory).problems) == row.problems)
    }

    @Test func access() {
        let folder = Self.folder([
            "admin": "127.0.0.1:1 host a.example host B.example\n127.0.0.1:2 host b.example",
            "admin_tokens": "scrape prometheus \(Self.hash)\noperator ann \(Self.otherHash) addresses=hashed",
        ])
        var access = AdminConfig(folder.directory).access
        #expect(access.hosts == ["a.example", "b.example"])
        #expect(
            access.tokens == [
                AdminToken(
                    name: "prometheus", role: .scrape, hash: Array(repeating: 0x0F, count: 32), hidesAddresses: false),
                AdminToken(
                    name: "ann", role: .operator_, hash: Array(repeating: 0xA1, count: 32), hidesAddresses: true),
            ])
        #expect(access.users[0] == .admin)
        #expect(geteuid() == 0 || access.users[geteuid()] == .operator_)

        folder.write("admin_users", "nobody viewer\n12345 admin")
        access = AdminConfig(folder.directory).access
        #expect(access.users == [Privileges.uid(of: "nobody") ?? 0: .viewer, 12345: .admin])
        folder.write("admin_users", "# nobody at all")
        #expect(AdminConfig(folder.directory).access.users.isEmpty)
    }

    @Test func tokensAreForTheirOwnerOnly() {
        let folder = ConfigFolder(["admin_tokens": "viewer ann \(Self.hash)"])
        chmod("\(folder.path)/admin_tokens", 0o644)
        let problems = folder.short(AdminConfig(folder.directory).problems)
        #expect(problems == ["admin_tokens: warning: may be read by other users (chmod o-r)"])
    }

    @Test(arguments: ["shown", "hashed"])
    func newTokens(_ addresses: String) throws {
        let new = try NewAdminToken(role: "viewer", name: "ann", addresses: addresses)
        #expect(new.secret.hasPrefix("qps_") && new.secret.utf8.count == 4 + 43)
        #expect(try NewAdminToken(role: "viewer", name: "ann", addresses: addresses).secret != new.secret)
        let folder = Self.folder(["admin_tokens": new.line])
        let config = AdminConfig(folder.directory)
        #expect(config.problems.isEmpty)
        #expect(config.access.tokens == [new.token])
        #expect(config.access.tokens.first?.hash == AdminToken.hash(of: new.secret))
        #expect(config.access.tokens.first?.hidesAddresses == (addresses == "hashed"))
    }

    @Test(arguments: [
        ("visitor", "a", "shown"), ("viewer", "a b", "shown"), ("viewer", "a", "none"), ("viewer", "", "shown"),
    ])
    func noTokens(_ role: String, _ name: String, _ addresses: String) {
        #expect(throws: StartError.self) { try NewAdminToken(role: role, name: name, addresses: addresses) }
    }

    /// RFC 4648 §10, and the two letters that differ.
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
        ("~~~", "fn5-"), ("???", "Pz8_"),
    ])
    func base64(_ text: String, _ expected: String) {
        #expect(Base64URL.text(Array(text.utf8)) == expected)
    }

    /// FIPS 180-4, the example of one block.
    @Test func hashes() {
        #expect(AdminToken.hash(of: "abc").prefix(4) == [0xBA, 0x78, 0x16, 0xBF])
    }
}
