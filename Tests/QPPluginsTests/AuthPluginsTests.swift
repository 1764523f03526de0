// AuthPluginsTests.swift
//
// The plugins that know users.

import QPHooks
import QPPlugins
import QPTestKit
import Synchronization
import Testing

private func plain(_ user: String, _ password: String) -> AuthEvent {
    AuthEvent(mechanism: "plain", user: user, password: password)
}

@Suite("auth/auth_flat_file")
struct AuthFlatFileTests {
    static let keys =
        "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        + ",wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    static let file = """
        # users
        good@example.com:good_pass
        colon@example.com:a:b
        scram@example.com:\(keys)
        rfc5803@example.com:SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=
        sha512@example.com:$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/
        bcrypt@example.com:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW
        odd@example.com:{PLAIN}{CRYPT}x
        """

    @Test(
        "claim 87: passwords of every kind",
        arguments: [
            Row("the password", ("good@example.com", "good_pass"), .ok),
            Row("capital letters in the name", ("Good@Example.COM", "good_pass"), .ok),
            Row("a wrong password", ("good@example.com", "not_good_pass"), .deny),
            Row("a colon in the password", ("colon@example.com", "a:b"), .ok),
            Row("keys of SCRAM", ("scram@example.com", "pencil"), .ok),
            Row("keys of SCRAM, wrong", ("scram@example.com", "pencils"), .deny),
            Row("keys as RFC 5803 writes them", ("rfc5803@example.com", "pencil"), .ok),
            Row("SHA-512", ("sha512@example.com", "password"), .ok),
            Row("SHA-512, wrong", ("sha512@example.com", "passwort"), .deny),
            Row("bcrypt", ("bcrypt@example.com", "U*U"), .ok),
            Row("bcrypt, wrong", ("bcrypt@example.com", "U*V"), .deny),
            Row("a password like a scheme", ("odd@example.com", "{CRYPT}x"), .ok),
            Row("a hash is no password", ("scram@example.com", keys), .deny),
            Row("an unknown user", ("none@example.com", "x"), .declined),
            Row("a user without domain", ("good", "good_pass"), .declined),
            Row("no password", ("good@example.com", ""), .deny),
        ] as [Row<(String, String), ReturnCode>])
    func passwords(_ row: Row<(String, String), ReturnCode>) async throws {
        let harness = try PluginHarness(AuthFlatFile.self, files: ["flat_auth_pw": Self.file])
        let event = plain(row.input.0, row.input.1)
        #expect(try await harness.run(.authPlain, event).code == row.expected)
        #expect(try await harness.run(.authLogin, event).code == row.expected)
        if !row.input.1.isEmpty { #expect(!harness.log.lines.joined().contains(row.input.1)) }
    }

    @Test("claim 87: CRAM-MD5 with passwords in clear") func digests() async throws {
        let harness = try PluginHarness(AuthFlatFile.self, files: ["flat_auth_pw": "tim@x.example:tanstaaftanstaaf"])
        // RFC 2195 §2
        let ticket = "<1896.697170952@postoffice.reston.mci.net>"
        let rows = [
            ("tim@x.example", "b913a602c7eda7a495b4e6e7334d3890", ReturnCode.ok),
            ("tim@x.example", "b913a602c7eda7a495b4e6e7334d3891", .deny),
            ("bob@x.example", "b913a602c7eda7a495b4e6e7334d3890", .declined),
        ]
        for (user, digest, code) in rows {
            let event = AuthEvent(mechanism: "cram-md5", user: user, password: nil, digest: digest, ticket: ticket)
            #expect(try await harness.run(.authCramMD5, event).code == code)
        }
    }

    @Test(
        arguments: [
            Row("passwords", "a@b.example:x\nc@d.example:y", [.scramSHA1, .scramSHA256, .cramMD5]),
            Row("keys", "a@b.example:\(keys)", [.scramSHA256]),
            Row("passwords and keys", "a@b.example:x\nc@d.example:\(keys)", [.scramSHA256]),
            Row(
                "hashes", "a@b.example:x\nc@d.example:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", []),
        ] as [Row<String, Set<SASLMechanism>>])
    func whatIsOffered(_ row: Row<String, Set<SASLMechanism>>) throws {
        let harness = try PluginHarness(AuthFlatFile.self, files: ["flat_auth_pw": row.input])
        #expect(harness.mechanisms == row.expected.subtracting([.cramMD5]))
        #expect(harness.hooks.contains(.authCramMD5) == row.expected.contains(.cramMD5))
        #expect(harness.hooks.isSuperset(of: [.authPlain, .authLogin, .auth]))
    }

    @Test func unknownUsersCostTheSame() async throws {
        let hash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
        let harness = try PluginHarness(AuthFlatFile.self, files: ["flat_auth_pw": "a@b.example:\(hash)"])
        #expect(try await harness.run(.authPlain, plain("a@b.example", "x")).code == .deny)
        #expect(harness.offloader.runs == 1)
        #expect(try await harness.run(.authPlain, plain("z@b.example", "x")).code == .declined)
        #expect(harness.offloader.runs == 2)
    }

    @Test func keysAreHandedOver() async throws {
        let harness = try PluginHarness(AuthFlatFile.self, files: ["flat_auth_pw": "a@b.example:\(Self.keys)"])
        let known = AuthEvent(mechanism: "scram-sha-256", user: "a@b.example", password: nil)
        #expect(try await harness.run(.auth, known).code == .ok)
        #expect(harness.offered == StoredSecret(Self.keys))
        harness.connect()
        let unknown = AuthEvent(mechanism: "scram-sha-256", user: "z@b.example", password: nil)
        #expect(try await harness.run(.auth, unknown).code == .declined)
        #expect(harness.offered == StoredSecret(Self.keys))
        #expect(try await harness.run(.auth, plain("a@b.example", "pencil")).code == .declined)
    }

    @Test(arguments: [Row("switched on", "1", ReturnCode.ok), Row("switched off", "0", .declined)])
    func certificates(_ row: Row<String, ReturnCode>) async throws {
        let harness = try PluginHarness(
            AuthFlatFile.self, arguments: ["external", row.input], files: ["flat_auth_pw": "a@b.example:x"])
        let event = AuthEvent(mechanism: "external", user: "a@b.example", password: nil)
        #expect(try await harness.run(.auth, event).code == row.expected)
        let other = AuthEvent(mechanism: "external", user: "z@b.example", password: nil)
        #expect(try await harness.run(.auth, other).code == .declined)
        #expect(harness.mechanisms.contains(.external) == (row.expected == .ok))
    }

    @Test func usersComeAndGo() async throws {
        let harness = try PluginHarness(AuthFlatFile.self, files: ["flat_auth_pw": "a@b.example:x"])
        try harness.replace("flat_auth_pw", with: "c@d.example:y")
        harness.connect()
        #expect(try await harness.run(.authPlain, plain("a@b.example", "x")).code == .declined)
        #expect(try await harness.run(.authPlain, plain("c@d.example", "y")).code == .ok)
    }

    @Test(arguments: [
        "ann", "ann:x", "@b.example:x", "a@:x", "a@b.example:", "a@b.example:{SHA}x",
        "a@b.example:{SCRAM-SHA-256}1,2,3,4",
        "a@b.example:x\nA@b.example:y",
    ])
    func badLines(_ text: String) {
        #expect(throws: PluginError.self) { try PluginHarness(AuthFlatFile.self, files: ["flat_auth_pw": text]) }
    }

    @Test(arguments: [["external"], ["external", "2"], ["other", "1"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(AuthFlatFile.self, arguments: arguments) }
    }
}

@Suite("auth/authdeny")
struct AuthDenyTests {
    @Test("claim 87: authdeny declines") func declines() async throws {
        let harness = try PluginHarness(AuthDeny.self)
        #expect(try await harness.run(.auth, plain("ann", "secret")).code == .declined)
        #expect(harness.log.lines == ["LOGWARN fail, ann wanted to authenticate by plain"])
    }
}

@Suite("auth/auth_checkpassword")
struct AuthCheckPasswordTests {
    @Test(
        arguments: [
            Row("the password is right", 0, .ok), Row("it is not", 1, .declined),
            Row("the program was used wrongly", 2, .declined),
            Row("a temporary failure", 111, .denysoft), Row("there is no such program", 127, .denysoft),
            Row("it was killed", 137, .denysoft),
        ] as [Row<Int32, ReturnCode>])
    func results(_ row: Row<Int32, ReturnCode>) async throws {
        let harness = try PluginHarness(
            AuthCheckPassword.self, files: ["smtpauth-checkpassword": "/bin/checkpassword /bin/true"])
        harness.files.program("/bin/sh", ProgramResult(status: row.input, output: []))
        #expect(try await harness.run(.authPlain, plain("ann@b.example", "secret")).code == row.expected)
        #expect(!harness.log.lines.joined().contains("secret"))
    }

    @Test func aProgramThatCannotBeStarted() async throws {
        let harness = try PluginHarness(AuthCheckPassword.self, arguments: ["checkpw", "/bin/c", "true", "/bin/true"])
        #expect(try await harness.run(.authLogin, plain("ann", "x")).denial?.status == .securityPolicy)
        #expect(try await harness.run(.authLogin, plain("ann\0b", "x")).code == .declined)
    }

    @Test(arguments: [
        [], ["checkpw", "/bin/c"], ["true", "/bin/true"], ["checkpw", "c", "true", "/bin/true"], ["x", "y"],
    ])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(AuthCheckPassword.self, arguments: arguments) }
    }

    @Test func aBadLine() {
        #expect(throws: PluginError.self) {
            try PluginHarness(AuthCheckPassword.self, files: ["smtpauth-checkpassword": "checkpassword true"])
        }
    }
}

/// Plays Dovecot's authentication server.
private struct DovecotPeer: ScriptedPeer {
    final class Transcript: Sendable {
        private let kept = Mutex<[String]>([])
        var lines: [String] { self.kept.withLock { $0 } }
        func write(_ line: String) { self.kept.withLock { $0.append(line) } }
    }
    let transcript = Transcript()
    var handshake =
        "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t17\nCUID\t1\nCOOKIE\tx\nDONE\n"
    /// What follows the question's number.
    var answer = "OK\t%\tuser=ann\n"
    var hangsUp = false
    var hasClosed = false
    private var input: [UInt8] = []

    mutating func connected() -> [UInt8] { Array(self.handshake.utf8) }

    mutating func received(_ bytes: [UInt8]) -> [UInt8] {
        self.input += bytes
        var output = ""
        while let end = self.input.firstIndex(of: 0x0A) {
            let line = String(decoding: self.input[..<end], as: UTF8.self)
            self.input.removeSubrange(...end)
            self.transcript.write(line)
            guard line.hasPrefix("AUTH\t") else { continue }
            let number = line.split(separator: "\t")[1]
            output += self.answer.split(separator: "%", omittingEmptySubsequences: false).joined(separator: number)
            self.hasClosed = self.hangsUp
        }
        return Array(output.utf8)
    }
}

@Suite("auth/auth_dovecot")
struct AuthDovecotTests {
    private static let socket = Destination.unix(path: "/run/auth")

    private static func harness(_ peer: DovecotPeer) throws -> PluginHarness {
        let harness = try PluginHarness(AuthDovecot.self, arguments: ["socket", "/run/auth"])
        harness.connector.serve(Self.socket, peer)
        return harness
    }

    @Test(
        arguments: [
            Row("the password is right", "OK\t%\tuser=ann\n", .ok),
            Row("it is not", "FAIL\t%\tuser=ann\n", .declined),
            Row("with a reason", "FAIL\t%\tuser=ann\treason=no\n", .declined),
            Row("a temporary failure", "FAIL\t%\tuser=ann\ttemp\n", .denysoft),
            Row("answers to others first", "OK\t99\tuser=bob\nFAIL\t%\n", .declined),
            Row("asks for more", "CONT\t%\tx\n", .denysoft),
            Row("nothing", "", .denysoft),
            Row("nonsense", "\t\t\n\n\nOK\n", .denysoft),
            Row("an endless line", String(repeating: "x", count: 40000), .denysoft),
        ] as [Row<String, ReturnCode>])
    func answers(_ row: Row<String, ReturnCode>) async throws {
        var peer = DovecotPeer()
        peer.answer = row.input
        let harness = try Self.harness(peer)
        #expect(try await harness.run(.authPlain, plain("ann", "secret")).code == row.expected)
        #expect(!harness.log.lines.joined().contains("secret"))
    }

    @Test(arguments: [
        "VERSION\t2\t0\nMECH\tPLAIN\nDONE\n", "VERSION\t1\t1\nMECH\tLOGIN\nDONE\n", "", "220 mx ESMTP\n",
        String(repeating: "MECH\tPLAIN\n", count: 1000),
    ])
    func handshakes(_ handshake: String) async throws {
        var peer = DovecotPeer()
        peer.handshake = handshake
        let harness = try Self.harness(peer)
        #expect(try await harness.run(.authPlain, plain("ann", "secret")).denial?.status == .securityPolicy)
    }

    @Test func whatIsAsked() async throws {
        let peer = DovecotPeer()
        let harness = try Self.harness(peer)
        _ = try await harness.run(.authPlain, plain("ann", "secret"))
        _ = try await harness.run(.authLogin, plain("a\tb", "secret"))
        let lines = peer.transcript.lines
        #expect(lines.count == 4)
        #expect(lines.first == "VERSION\t1\t1")
        #expect(lines[1].hasPrefix("CPID\t"))
        #expect(
            lines[2].hasPrefix("AUTH\t1\tPLAIN\tservice=smtp\tlip=198.51.100.1\tlport=25\trip=192.0.2.1\trport=50000\t")
        )
        #expect(lines[2].hasSuffix("\tresp=AGFubgBzZWNyZXQ="))
        #expect(lines[3].hasPrefix("AUTH\t2\tPLAIN\t"))
        // One connection for both.
        #expect(harness.connector.connections == [Self.socket])
    }

    @Test func aConnectionThatEndedIsMadeAnew() async throws {
        var peer = DovecotPeer()
        peer.hangsUp = true
        let harness = try Self.harness(peer)
        #expect(try await harness.run(.authPlain, plain("ann", "secret")) == .ok)
        #expect(try await harness.run(.authPlain, plain("ann", "secret")) == .ok)
        #expect(harness.connector.connections.count == 2)
    }

    @Test func nobodyThere() async throws {
        let harness = try PluginHarness(AuthDovecot.self)
        #expect(try await harness.run(.authPlain, plain("ann", "secret")).denial?.status == .securityPolicy)
        #expect(harness.connector.connections == [.unix(path: "/var/run/dovecot/auth-client")])
        #expect(throws: PluginError.self) { try PluginHarness(AuthDovecot.self, arguments: ["socket", "auth"]) }
    }
}
