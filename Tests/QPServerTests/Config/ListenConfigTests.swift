// ListenConfigTests.swift

import QPActors
import QPHooks
import QPPlugins
import Testing

@testable import QPServer

struct ListenConfigTests {
    @Test(
        arguments: [
            ("127.0.0.1:25", "127.0.0.1", 25), ("*:2525", "0.0.0.0", 2525), ("0.0.0.0:0", "0.0.0.0", 0),
            ("[::]:25", "::", 25), ("[2001:db8::1]:65535", "2001:db8::1", 65535), ("localhost:25", "localhost", 25),
            ("mx-1.example.org:25", "mx-1.example.org", 25),
        ] as [(String, String, UInt16)])
    func addresses(_ text: String, _ host: String, _ port: UInt16) throws {
        #expect(try ListenAddress(flag: text) == ListenAddress(host: host, port: port))
        let line = ConfigLine(text: text, file: "listen", number: 1)
        #expect(try ListenAddress(line: line) == ListenAddress(host: host, port: port))
    }

    @Test(arguments: [
        ("127.0.0.1", "listen:1: error: '127.0.0.1' needs a port (ADDR:PORT)"),
        ("127.0.0.1:", "listen:1: error: '' is no port (0 to 65535)"),
        ("127.0.0.1:65536", "listen:1: error: '65536' is no port (0 to 65535)"),
        ("127.0.0.1:+1", "listen:1: error: '+1' is no port (0 to 65535)"),
        ("127.0.0.256:25", "listen:1: error: '127.0.0.256:25' has no usable address"),
        ("::1:25", "listen:1: error: '::1:25' has no usable address"),
        ("[127.0.0.1]:25", "listen:1: error: '[127.0.0.1]:25' has no usable address"),
        ("[::1]25", "listen:1: error: '[::1]25' has no usable address"),
        ("[::1:25", "listen:1: error: '[::1:25' has no usable address"),
        (":25", "listen:1: error: ':25' has no usable address"),
        ("127.0.0.1:25 qmqp", "listen:1: error: option 'qmqp' is not supported by this version"),
        ("127.0.0.1:25 lmtp", "listen:1: error: LMTP must not be spoken on port 25"),
        (
            "127.0.0.1:24 lmtp submission",
            "listen:1: error: a listener is for lmtp or for submission, not for both"
        ),
        ("127.0.0.1:25 lmpt", "listen:1: error: there is no option 'lmpt' (did you mean lmtp?)"),
        ("127.0.0.1:25\n127.0.0.1:25", "listen:2: error: 127.0.0.1:25 stands here twice"),
    ])
    func refusals(_ text: String, _ expected: String) {
        let folder = ConfigFolder(["listen": text])
        #expect(folder.short(ListenConfig(folder.directory).problems) == [expected])
    }

    @Test func doors() throws {
        let address = try ListenAddress(flag: "127.0.0.1:24,lmtp,proxy")
        #expect(address.description == "127.0.0.1:24 lmtp proxy")
        #expect(address.sessionOptions == [.lmtp, .proxy])
        #expect(try ListenAddress(flag: "[::1]:587,submission").sessionOptions == .submission)
    }

    @Test func proxiesMissing() {
        let folder = ConfigFolder(["listen": "127.0.0.1:25 proxy\n127.0.0.1:26"])
        let config = ListenConfig(folder.directory)
        var settings = ServerSettings()
        #expect(
            config.problems(with: settings).map(\.text) == [
                "nobody can use 127.0.0.1:25 proxy: proxy_networks names no proxy"
            ])
        if let network = Network("127.0.0.1") { settings.proxyNetworks.insert(network) }
        #expect(config.problems(with: settings).isEmpty)
    }

    @Test(
        arguments: [
            ("rcpt_ok", "127.0.0.1:587 submission", nil, "nobody can send mail to 127.0.0.1:587 submission"),
            ("rcpt_ok", "127.0.0.1:25", nil, nil), ("rcpt_ok\nauth/authdeny", "127.0.0.1:587 submission", "0", nil),
            ("rcpt_ok\nauth/authdeny", "127.0.0.1:25", nil, "AUTH is not offered: there is no certificate"),
            ("rcpt_ok\nauth/authdeny", "127.0.0.1:25", "0", nil),
        ] as [(String, String, String?, String?)])
    func authMissing(_ plugin: String, _ listen: String, _ clear: String?, _ expected: String?) {
        let folder = ConfigFolder(["listen": listen, "plugins": "\(plugin)\nqueue/discard\n"])
        if let clear { folder.write("tls_before_auth", clear) }
        let report = CheckReport(folder.directory, catalogue: Server.catalogue(BundledPlugins.all))
        let warnings = report.problems.filter { $0.severity == .warning }.map(\.text)
        #expect(warnings.count == (expected == nil ? 0 : 1) && warnings.allSatisfy { $0.hasPrefix(expected ?? "") })
    }

    @Test func flags() {
        #expect(throws: ConfigProblem.error("option 'qmqp' is not supported by this version", file: "--listen")) {
            try ListenAddress(flag: "127.0.0.1:25,qmqp")
        }
        #expect(throws: ConfigProblem.self) { try ListenAddress(flag: "") }
        #expect(ListenAddress(host: "::1", port: 25, options: [.tls]).description == "[::1]:25 tls")
    }
}
