// ServeOptionsTests.swift
//
// The command line, old and new.

import QPHooks
import Testing

@testable import QPServer

@Suite struct ServeOptionsTests {
    static func arguments(_ change: (inout ServeArguments) -> Void) -> ServeArguments {
        var arguments = ServeArguments()
        change(&arguments)
        return arguments
    }

    struct Listen: CustomTestStringConvertible {
        let testDescription: String
        let arguments: ServeArguments
        let expected: [String]

        init(_ name: String, _ expected: [String], _ change: (inout ServeArguments) -> Void) {
            self.testDescription = name
            self.expected = expected
            self.arguments = ServeOptionsTests.arguments(change)
        }
    }

    @Test(arguments: [
        Listen("nothing", []) { _ in },
        Listen("our own", ["127.0.0.1:25", "[::1]:587"]) { $0.listen = ["127.0.0.1:25", "[::1]:587"] },
        Listen("an address", ["127.0.0.1:2525"]) { $0.listenAddress = ["127.0.0.1"] },
        Listen("a port", ["[::]:26"]) { $0.port = ["26"] },
        Listen("two by two", ["127.0.0.1:25", "127.0.0.1:26", "[::1]:25", "[::1]:26"]) {
            $0.listenAddress = ["127.0.0.1", "[::1]"]
            $0.port = ["25", "26"]
        },
        Listen("an address with its own port", ["127.0.0.1:99", "127.0.0.2:25", "127.0.0.2:26"]) {
            $0.listenAddress = ["127.0.0.1:99", "127.0.0.2"]
            $0.port = ["25", "26"]
        },
        Listen("prefork", ["127.0.0.1:25"]) { $0.interface = ["127.0.0.1"] },
        Listen("prefork by another option", ["127.0.0.1:25"]) {
            $0.listenAddress = ["127.0.0.1"]
            $0.children = "20"
        },
        Listen("old and new", ["127.0.0.1:25", "127.0.0.1:2525"]) {
            $0.listen = ["127.0.0.1:25"]
            $0.listenAddress = ["127.0.0.1"]
        },
    ])
    func listeners(_ row: Listen) throws {
        #expect(try ServeOptions(row.arguments).listen.map(\.description) == row.expected)
    }

    struct Wrong: CustomTestStringConvertible {
        let arguments: ServeArguments
        let text: String
        var testDescription: String { self.text }

        init(_ text: String, _ change: (inout ServeArguments) -> Void) {
            self.text = text
            self.arguments = ServeOptionsTests.arguments(change)
        }
    }

    @Test(arguments: [
        Wrong("--port x: not a port (0 to 65535)") { $0.port = ["x"] },
        Wrong("--port 65536: not a port (0 to 65535)") { $0.port = ["65536"] },
        Wrong("--listen-address: '::1' has no usable address") { $0.listenAddress = ["::1"] },
        Wrong("--listen-address: '99999' is no port (0 to 65535)") { $0.listenAddress = ["127.0.0.1:99999"] },
        Wrong("127.0.0.1:25 is asked for twice") { $0.listen = ["127.0.0.1:25", "127.0.0.1:25"] },
        Wrong("--listen: error: '127.0.0.1' needs a port (ADDR:PORT)") { $0.listen = ["127.0.0.1"] },
        Wrong("--limit-connections -1: not a number from 0 to 1000000") { $0.limitConnections = "-1" },
        Wrong("--max-from-ip many: not a number from 0 to 1000000") { $0.maxFromIP = "many" },
        Wrong("--children must be at least 1") { $0.children = "0" },
        Wrong("--idle-children x: not a number from 0 to 1000000") { $0.idleChildren = "x" },
        Wrong("--children (qpsmtpd-prefork) and --limit-connections (qpsmtpd-forkserver) exclude each other") {
            $0.children = "1"
            $0.limitConnections = "1"
        },
        Wrong("--config: no path") { $0.config = "" },
        Wrong("--pid-file: no path") { $0.pidFile = "a\0b" },
        Wrong("--admin: error: unix: needs an absolute path of up to 107 octets") {
            $0.admin = ["unix:/" + String(repeating: "x", count: 107)]
        },
        Wrong("--admin: error: 'None' needs a port (ADDR:PORT)") { $0.admin = ["None"] },
        Wrong("--admin none: stands alone, or it is no 'none'") { $0.admin = ["127.0.0.1:1", "none"] },
        Wrong("--admin 127.0.0.1:1 is asked for twice") { $0.admin = ["127.0.0.1:1", "127.0.0.1:1"] },
        Wrong(
            "--admin: error: 192.0.2.1:1 would let the network see and steer this server; put it into config/admin, "
                + "with tls, and a token into config/admin_tokens"
        ) { $0.admin = ["192.0.2.1:1"] },
        Wrong("--log nowhere: 'nowhere' is no output (stderr, file:/PATH, syslog[:FACILITY], journald)") {
            $0.log = ["nowhere"]
        },
    ])
    func mistakes(_ row: Wrong) {
        #expect(throws: StartError(row.text)) { try ServeOptions(row.arguments) }
    }

    @Test func numbers() throws {
        let forkserver = try ServeOptions(
            Self.arguments {
                $0.limitConnections = "30"
                $0.maxFromIP = "0"
                $0.quiet = true
            })
        #expect(forkserver.maxConnections == 30)
        #expect(forkserver.maxConnectionsPerAddress == 0)
        #expect(forkserver.ignored == ["--quiet"])
        let prefork = try ServeOptions(
            Self.arguments {
                $0.children = "40"
                $0.maxFromIP = "0"
                $0.prettyChild = true
            })
        #expect(prefork.maxConnections == 40)
        #expect(prefork.maxConnectionsPerAddress == 40)
        #expect(prefork.ignored == ["--pretty-child"])
        let plain = try ServeOptions(ServeArguments())
        #expect(plain.maxConnections == nil && plain.maxConnectionsPerAddress == nil && plain.ignored.isEmpty)
    }

    @Test func admin() throws {
        #expect(try ServeOptions(ServeArguments()).adminOverride == nil)
        #expect(try ServeOptions(Self.arguments { $0.admin = ["none"] }).adminOverride?.isEmpty == true)
        let options = try ServeOptions(Self.arguments { $0.admin = ["localhost:1", "unix:/a", "unix:b"] })
        let names = options.admin.map(\.description)
        #expect(names.prefix(2) == ["localhost:1", "unix:/a"])
        #expect(names.last?.hasPrefix("unix:/") == true && names.last?.hasSuffix("/b") == true)
    }

    @Test func theRest() throws {
        let options = try ServeOptions(
            Self.arguments {
                $0.config = "/etc/qpserver"
                $0.admin = ["127.0.0.1:8025"]
                $0.log = ["file:/var/log/x,json,debug", "syslog"]
                $0.pidFile = "/run/qpserver.pid"
                $0.user = "smtpd:mail"
                $0.detach = true
            })
        #expect(options.admin.map(\.description) == ["127.0.0.1:8025"])
        #expect(
            options.log == [LogTarget(.file("/var/log/x"), format: .json, level: .debug), LogTarget(.syslog("mail"))])
        #expect(options.config == "/etc/qpserver" && options.pidFile == "/run/qpserver.pid")
        #expect(options.user == "smtpd:mail" && options.detach)
    }
}
