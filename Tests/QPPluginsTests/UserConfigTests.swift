// UserConfigTests.swift

import QPHooks
import QPPlugins
import QPTestKit
import Testing

@Suite("user_config")
struct UserConfigTests {
    private func value(
        _ address: String, _ name: String = "colour", pattern: String? = nil,
        _ change: (TestFiles) -> Void = { _ in }
    ) async throws -> Verdict<[String]> {
        let harness = try PluginHarness(UserConfig.self, arguments: pattern.map { [$0] } ?? [])
        harness.files.put("blue\n\n# no comment\r\n", at: "/home/ann/.qpsmtpd/colour")
        harness.files.put("deep", at: "/users/example.org/ann/colour")
        harness.files.put("whole", at: "/users/ann@example.org/colour")
        harness.files.put("nobody's", at: "/users/colour")
        for folder in ["/home/../../users", "/home/../.qpsmtpd", "/home/.ann/.qpsmtpd"] {
            harness.files.put("secret", at: folder + "/colour")
        }
        change(harness.files)
        return try await harness.run(.userConfig, name, of: .test(address))
    }

    private static let table: [Row<(address: String, pattern: String?), [String]?>] = [
        Row("a file that is there", ("ann@example.org", nil), ["blue", "", "# no comment"]),
        Row("in other letters", ("ANN@Example.org", nil), ["blue", "", "# no comment"]),
        Row("no file", ("bob@example.org", nil), nil),
        Row("a folder for each domain", ("ann@example.org", "/users/%h/%u"), ["deep"]),
        Row("another domain", ("ann@example.com", "/users/%h/%u"), nil),
        Row("the whole address", ("ann@example.org", "/users/%a"), ["whole"]),
        Row("postmaster has no domain", ("postmaster", "/users/%h/%u"), nil),
        Row("out of the folder", ("\"../../users\"@d.example", "/home/%u"), nil),
        Row("a slash", ("\"ann/.qpsmtpd\"@d.example", "/home/%u"), nil),
        Row("dots alone", ("\"..\"@d.example", nil), nil),
        Row("a hidden folder", ("\".ann\"@example.org", nil), nil),
        Row("a long name", (String(repeating: "a", count: 64) + "@example.org", nil), nil),
    ]

    @Test(arguments: Self.table)
    func values(_ row: Row<(address: String, pattern: String?), [String]?>) async throws {
        let verdict = try await self.value(row.input.address, pattern: row.input.pattern)
        #expect(verdict.value == row.expected)
        #expect(verdict.code == (row.expected == nil ? .declined : .ok))
    }

    @Test(arguments: ["", "..", "../colour", "a/b", ".hidden"])
    func namesThatAreNone(_ name: String) async throws {
        #expect(try await self.value("ann@example.org", name).code == .declined)
    }

    @Test func sizesAreBounded() async {
        await #expect(throws: EffectError.self) {
            try await self.value("big@example.org") { files in
                files.put(String(repeating: "x", count: 65537), at: "/home/big/.qpsmtpd/colour")
            }
        }
    }

    @Test(arguments: [["home/%u"], ["/home/%x"], ["/home/%"], ["/home/../%u"], ["/home/%u", "/more"]])
    func badArguments(_ arguments: [String]) {
        #expect(throws: PluginError.self) { try PluginHarness(UserConfig.self, arguments: arguments) }
    }

    @Test func pluginsGetUsersValues() throws {
        let files = TestFiles()
        files.put("192.0.2.0/24", at: "/home/ann/.qpsmtpd/whitelisthosts")
        files.put(String(repeating: "x", count: 65537), at: "/home/bob/.qpsmtpd/whitelisthosts")
        let log = CapturingLog()
        let harness = EngineHarness(
            [
                try Engine.entry(UserConfig.self), try Engine.entry(Whitelist.self, ["per_recipient", "1"]),
                .init("last") { hooks in hooks.on(.rcpt) { _, _ in .deny("nobody") } },
            ],
            seams: Seams(
                resolver: FakeResolver(), connector: FakeConnector(), http: FakeHTTP(),
                store: TestStore(clock: ManualClock()), files: files, random: SeededRandom(),
                offloader: InlineOffloader(), log: log))
        let client = harness.connect(from: "192.0.2.9")
        client.send("HELO a.example\r\nMAIL FROM:<a@b.example>\r\n")
        for (recipient, code) in [("ann@c.example", "250"), ("bob@c.example", "550"), ("eve@c.example", "550")] {
            client.send("RCPT TO:<\(recipient)>\r\n")
            harness.settle { client.output.count > 0 }
            #expect(client.replies().last?.hasPrefix(code) == true, "\(recipient)")
        }
        #expect(log.lines.filter { $0.hasPrefix("LOGERROR error, user_config of whitelisthosts") }.count == 1)
    }
}
