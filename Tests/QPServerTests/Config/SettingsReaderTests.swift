// SettingsReaderTests.swift

import Glibc
import QPActors
import QPHooks
import Testing

@testable import QPServer

struct SettingsReaderTests {
    private func read(_ files: [String: String]) -> (ServerSettings, [String]) {
        let folder = ConfigFolder(files)
        let reader = SettingsReader(folder.directory)
        return (reader.settings, folder.short(reader.problems))
    }

    @Test func defaults() {
        let (settings, problems) = self.read([:])
        #expect(settings.limits == Limits())
        #expect(settings.databytes == nil && settings.greeting == nil)
        #expect(!settings.me.isEmpty)
        #expect(problems.isEmpty)
    }

    @Test func networks() {
        let (settings, problems) = self.read([
            "proxy_networks": "127.0.0.1\n10.1.\n2001:db8::/32", "xclient_networks": "192.0.2.0/24\nproxy.example",
        ])
        let addresses = ["127.0.0.1", "10.1.2.3", "2001:db8::1", "127.0.0.2", "192.0.2.1"]
        let holds = addresses.compactMap { IPAddress($0) }.map {
            [settings.proxyNetworks.contains($0), settings.xclientNetworks.contains($0)]
        }
        #expect(holds == [[true, false], [true, false], [true, false], [false, false], [false, true]])
        #expect(
            problems == [
                "xclient_networks:2: error: 'proxy.example' is no address, no network, and no prefix ending in '.' or ':'"
            ])
        #expect(self.read([:]).0.proxyNetworks.isEmpty && self.read([:]).0.xclientNetworks.isEmpty)
    }

    @Test func limits() {
        let (settings, problems) = self.read([
            "limits": """
            max_connections 100
            max_conn_ip 0
            max_recipients 200
            max_transactions 7
            max_errors 3
            command_timeout 0.25
            data_timeout 10
            session_timeout 60
            min_data_rate 1k
            grace_period 0
            message_memory 128k
            process_memory 2G
            spool_free 10MB
            auth_errors 5
            auth_errors_ip 6
            auth_window 70
            auth_delay 8
            """
        ])
        #expect(problems.isEmpty)
        var expected = Limits()
        expected.maxConnections = 100
        expected.maxConnectionsPerAddress = 0
        expected.maxRecipients = 200
        expected.maxTransactions = 7
        expected.maxErrors = 3
        expected.commandTimeout = .milliseconds(250)
        expected.dataTimeout = .seconds(10)
        expected.sessionTimeout = .seconds(60)
        expected.minDataRate = 1024
        expected.gracePeriod = .zero
        expected.messageMemory = 128 << 10
        expected.processMemory = 2 << 30
        expected.spoolFree = 10 << 20
        expected.authErrors = 5
        expected.authErrorsPerAddress = 6
        expected.authWindow = .seconds(70)
        expected.authDelay = .seconds(8)
        #expect(settings.limits == expected)
    }

    @Test(arguments: [
        (
            "limits", "max_connection 1",
            "limits:1: error: there is no limit 'max_connection' (did you mean max_connections?)"
        ),
        ("limits", "whatever 1", "limits:1: error: there is no limit 'whatever'"),
        ("limits", "#\nmax_errors", "limits:2: error: max_errors needs one value"),
        ("limits", "max_errors 1 2", "limits:1: error: max_errors needs one value"),
        ("limits", "max_errors 0", "limits:1: error: max_errors: '0' is not within 1 and 1000000"),
        ("limits", "max_errors -1", "limits:1: error: max_errors: '-1' is no whole number"),
        (
            "limits", "max_errors 99999999999999999999",
            "limits:1: error: max_errors: '99999999999999999999' is no whole number"
        ),
        (
            "limits", "max_errors 4\nmax_errors 5",
            "limits:2: warning: max_errors was set in line 1 already; this one counts"
        ),
        ("limits", "max_recipients 5", "limits:1: warning: max_recipients: RFC 5321 §4.5.3.1.8 asks for at least 100"),
        ("limits", "data_timeout never", "limits:1: error: data_timeout: 'never' is no number of seconds"),
        ("me", "mail example", "me:1: error: 'mail example' is no host name"),
        ("me", "a\u{1b}[2J", "me:1: error: 'a\\x1b[2J' is no host name"),
        ("me", "a.example\nb.example", "me:2: warning: only the first line counts"),
        ("smtpgreeting", "Grüß Gott", "smtpgreeting:1: error: a greeting has up to 500 printable ASCII characters"),
        ("databytes", "lots", "databytes:1: error: 'lots' is no number of bytes up to 1125899906842624"),
        (
            "databytes", "99999999999G",
            "databytes:1: error: '99999999999G' is no number of bytes up to 1125899906842624"
        ),
        (
            "spool_dir", "~nobody-here-by-this-name/x",
            "spool_dir:1: error: '~nobody-here-by-this-name/x': there is no such home"
        ),
        ("spool_perms", "0888", "spool_perms:1: error: '0888' is no mode (octal, with 7 for the owner, as 0700)"),
        ("spool_perms", "0777", "spool_perms:1: warning: others than the server may write into the spool"),
        ("timeout", "0", "timeout:1: error: '0' is no number of seconds (1 to 604800)"),
        ("loglevel", "12", "loglevel:1: warning: levels go from 0 to 7; taken as 7"),
        ("loglevel", "loud", "loglevel:1: error: 'loud' is no log level (0 to 7, or LOGERROR and so on)"),
        ("me-auth-results", "a b", "me-auth-results:1: error: 'a b' is neither a host name nor 'none'"),
        ("bare_newline", "maybe", "bare_newline:1: error: 'maybe' is none of refuse, warn, fold, pass"),
        ("bare_newline", "fold\n10.0.0.0/33", "bare_newline:2: error: '10.0.0.0/33' is no network"),
        ("reverse_dns", "61", "reverse_dns:1: error: '61' is no number of seconds from 0 (never) to 60"),
        ("tls_before_auth", "never", "tls_before_auth:1: error: 'never' is neither 0 nor 1"),
        ("soft_bounce", "perhaps", "soft_bounce:1: error: 'perhaps' is neither 0 nor 1"),
    ])
    func problems(_ file: String, _ text: String, _ expected: String) {
        #expect(self.read([file: text]).1 == [expected])
    }

    @Test func qpsmtpdsFiles() {
        let (settings, problems) = self.read([
            "me": "mx.example", "smtpgreeting": "mx.example ESMTP hello", "databytes": "1000000",
            "size_threshold": "10000", "spool_dir": "/tmp/spool", "spool_perms": "0750", "timeout": "40",
            "loglevel": "LOGINFO", "me-auth-results": "none", "bare_newline": "fold\n192.0.2.0/24\n2001:db8::/32",
            "reverse_dns": "0", "soft_bounce": "1", "tls_before_auth": "0",
        ])
        #expect(problems.isEmpty)
        #expect(settings.me == "mx.example")
        #expect(settings.greeting == "mx.example ESMTP hello")
        #expect(settings.databytes == 1_000_000)
        #expect(settings.sizeThreshold == 10000)
        #expect(settings.spoolDirectory == "/tmp/spool/")
        #expect(settings.spoolMode == 0o750)
        #expect(settings.limits.dataTimeout == .seconds(40))
        #expect(settings.limits.commandTimeout == .seconds(40))
        #expect(settings.logLevel == .info)
        #expect(settings.authservID == "")
        #expect(settings.bareNewline == .fold)
        #expect(settings.bareNewlineExempt.map(\.description) == ["192.0.2.0/24", "2001:db8::/32"])
        #expect(settings.reverseDNS == nil)
        #expect(settings.softBounce)
        #expect(settings.authInClear)
    }

    @Test func filesWinOverLimits() {
        let (settings, problems) = self.read([
            "limits": "command_timeout 1\ndata_timeout 2\nmessage_memory 3k", "timeout": "40", "timeoutsmtpd": "50",
            "size_threshold": "0", "databytes": "0",
        ])
        #expect(settings.limits.commandTimeout == .seconds(50))
        #expect(settings.limits.dataTimeout == .seconds(40))
        #expect(settings.sizeThreshold == 0)
        #expect(settings.databytes == nil)
        #expect(
            Set(problems) == [
                "limits:1: warning: command_timeout does not count: timeoutsmtpd wins",
                "limits:2: warning: data_timeout does not count: timeout wins",
                "limits:3: warning: message_memory does not count: size_threshold wins",
            ])
    }

    @Test func home() throws {
        let path = self.read(["spool_dir": "~/x"]).0.spoolDirectory
        #expect(path.hasPrefix("/") && path.hasSuffix("/x/"))
        let user = try #require(getpwuid(getuid())?.pointee)
        let name = String(cString: user.pw_name)
        let home = String(cString: user.pw_dir)
        #expect(self.read(["spool_dir": "~\(name)"]).0.spoolDirectory == (home.hasSuffix("/") ? home : home + "/"))
        #expect(self.read(["spool_dir": "here"]).0.spoolDirectory.hasSuffix("/here/"))
    }

    @Test(
        arguments: [
            ("0", nil), ("1", 1), ("10k", 10240), ("1kB", 1024), ("1M", 1 << 20), ("1g", 1 << 30), ("", nil),
            ("k", nil),
            ("1T", nil), ("-1", nil), ("18446744073709551615", .max), ("18446744073709551615k", nil), ("1 k", nil),
        ] as [(String, UInt64?)])
    func sizes(_ text: String, _ expected: UInt64?) {
        #expect(ConfigNumber.size(text) == (text == "0" ? 0 : expected))
    }

    @Test(
        arguments: [
            ("1", .seconds(1)), ("0.5", .milliseconds(500)), ("1.25", .milliseconds(1250)), ("1.", nil), (".5", nil),
            ("-1", nil), ("1e3", nil), ("99999999999999999999", nil), ("1.0001", .seconds(1)),
        ] as [(String, Duration?)])
    func seconds(_ text: String, _ expected: Duration?) {
        #expect(ConfigNumber.seconds(text) == expected)
    }
}
