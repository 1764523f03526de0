// SettingsTests.swift
//
// Settings, tokens, command lines: what they say, and where they say nonsense.

import QPTelemetry
import Testing

@testable import QPConsole

@Suite struct SettingsTests {
    @Test func everySetting() throws {
        let settings = try ConsoleSettings(
            """
            # mine
            server unix:/run/a.sock
            server mx2.example.com:8443

            view sessions
            interval 2.5
            raw on
            hide_zero off
            ascii on
            colors 16
            mouse off
            columns sessions peer age
            sort plugins runs desc
            """, file: "settings")
        #expect(settings.servers == ["unix:/run/a.sock", "mx2.example.com:8443"])
        #expect(settings.view == .sessions && settings.interval == 2.5 && settings.colors == "16")
        #expect(settings.isRaw == true && settings.hidesZero == false && settings.isASCII == true)
        #expect(settings.mouse == false && settings.columns == [.sessions: ["peer", "age"]])
        #expect(settings.sorts == [.plugins: Table.Sort(column: "runs", isDescending: true)])
        var state = ViewState()
        settings.apply(to: &state)
        #expect(state.view == .sessions && state[.sessions].columns == ["peer", "age"])
    }

    @Test(arguments: [
        ("vieew sessions", "unknown setting 'vieew'; did you mean 'view'?"),
        ("view sesions", "unknown view 'sesions'"),
        ("interval 0", "0.1 to 3600"),
        ("interval 1 2", "one value"),
        ("raw yes", "on or off"),
        ("colors many", "one of auto, 256, 16, none"),
        ("columns sessions", "columns VIEW NAME"),
        ("sort plugins runs sideways", "sort VIEW COLUMN"),
        ("\u{1b}[2J x", "unknown setting '\\x1b[2J'"),
    ])
    func nonsense(_ line: String, _ text: String) {
        let problem = #expect(throws: ConsoleSettings.Problem.self) {
            try ConsoleSettings("# first\n\n\(line)\n", file: "settings")
        }
        #expect(problem?.description.hasPrefix("settings:3: error: ") == true)
        #expect(problem?.text.contains(text) == true, "\(problem?.text ?? "")")
    }

    @Test func writingKeepsWhatItDoesNotKnow() throws {
        var settings = ConsoleSettings()
        settings.view = .log
        settings.interval = 5
        settings.columns = [.plugins: ["plugin", "runs"]]
        let before = "# mine\nview sessions\nserver unix:/a\ncolumns sessions peer\n\n# the end\n"
        let after = settings.replacing(in: before)
        #expect(
            after == "# mine\nview log\nserver unix:/a\n\n# the end\ninterval 5.0\ncolumns plugins plugin runs\n")
        #expect(try ConsoleSettings(after, file: "x").interval == 5)
        #expect(settings.replacing(in: after) == after)
    }

    @Test func tokens() throws {
        let file = try TokenFile("# all\nmx1:8025 qps_one\nunix:/a\tqps_two\n", file: "tokens")
        #expect(file["mx1:8025"] == "qps_one" && file["other", "unix:/a"] == "qps_two" && file["mx2"] == nil)
        let problem = #expect(throws: ConsoleSettings.Problem.self) {
            try TokenFile("\nmx1 qps_secret more\n", file: "tokens")
        }
        #expect(problem?.description == "tokens:2: error: a line is SERVER TOKEN")
    }

    @Test(arguments: [
        ("30", 30.0), ("30s", 30), ("5m", 300), ("2h", 7200), ("7d", 604_800), ("1.5h", 5400), ("x", nil), ("", nil),
        ("-1", nil), ("nan", nil), ("1e400", nil), ("h", nil),
    ])
    func times(_ text: String, _ seconds: Double?) {
        #expect(CommandLine.seconds(text) == seconds)
    }

    @Test(
        arguments: [
            (["192.0.2.1"], BanRequest(network: "192.0.2.1"), ""),
            (["2001:db8::/32", "10m"], BanRequest(network: "2001:db8::/32", timeToLive: 600), ""),
            (["192.0.2.0/24", "spam", "wave"], BanRequest(network: "192.0.2.0/24", reason: "spam wave"), ""),
            ([], nil, "which network"), (["mail.example"], nil, "no address"), (["192.0.2.0/33"], nil, "no address"),
            (["192.0.2.1", "0s"], nil, "from 1s to 365d"), (["192.0.2.1", "400d"], nil, "from 1s to 365d"),
            (["192.0.2.1", "10q"], nil, "is no time"),
        ] as [([String], BanRequest?, String)])
    func bans(_ words: [String], _ request: BanRequest?, _ text: String) {
        do throws(CommandLine.Problem) {
            #expect(try CommandLine.ban(words) == request)
        } catch {
            #expect(request == nil && error.text.contains(text), "\(error.text)")
        }
    }

    @Test(
        arguments: [
            ("dr", "drain ", ""), ("s", nil, "save server soft-bounce sort state"), ("so", nil, "soft-bounce sort"),
            ("mode rc", "mode rcpt_ok ", ""), ("mode rcpt_ok o", nil, "off on"), ("kick ", nil, "kick ID"),
            ("nonsense x", nil, "there is no command 'nonsense'"), ("view se", "view session", "session sessions"),
            ("top addr", "top address ", ""), ("quit x", nil, "quit"),
        ] as [(String, String?, String)])
    func completion(_ line: String, _ text: String?, _ hint: String) {
        var words = CommandLine.Words()
        words.plugins = ["rcpt_ok", "badmailfrom"]
        let completion = CommandLine.complete(line, words)
        #expect(completion == CommandLine.Completion(text: text, hint: hint))
    }

    struct Nonsense: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var options: ConsoleOptions
        var text: String

        init(_ name: String, _ text: String, _ change: (inout ConsoleOptions) -> Void) {
            self.testDescription = name
            self.options = ConsoleOptions()
            self.text = text
            change(&self.options)
        }
    }

    @Test(arguments: [
        Nonsense("--view", "did you mean 'sessions'") { $0.view = "sesions" },
        Nonsense("--filter", "--filter: column 1: unknown field 'plugni'") { $0.filter = "plugni=x" },
        Nonsense("--interval", "0.1 to 3600") { $0.interval = 0 },
        Nonsense("--level", "one of LOGDEBUG") { $0.level = "LOUD" },
        Nonsense("--state", "live, ended, refused") { $0.state = "dead" },
        Nonsense("--field", "address, network") { $0.field = "x" },
    ])
    func options(_ row: Nonsense) {
        let problem = #expect(throws: UsageProblem.self) {
            try row.options.state(ConsoleSettings(), isUTF8: true, zone: 0)
        }
        #expect(problem?.text.contains(row.text) == true, "\(problem?.text ?? "")")
    }
}
