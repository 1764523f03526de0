// TLSFixture.swift
//
// A server with certificates, for the tests of TLS.

import Glibc
import QPActors
import QPHooks
import QPPlugins
import QPTestCertificates
import Synchronization

@testable import QPServer

/// Tells a client on NOOP what plugins see of the encryption.
struct TellTLS: Plugin {
    static let name = "tell_tls"
    static let manual = "tell_tls\n\nFor tests."

    init(_ setup: PluginSetup) throws(PluginError) {}

    func register(on hooks: inout HookTable) {
        hooks.on(.noop) { _, session in
            guard let tls = session.tls else { return .declined }
            let client = tls.clientCertificate
            session.respond(
                Reply(
                    250, nil,
                    lines: [
                        tls.summary, "sni \(tls.serverName ?? "-")",
                        "binding \(tls.serverEndPoint.map { String($0) }.joined(separator: "."))",
                        "client \(client?.commonName ?? "-") \(client?.isVerified == true ? "good" : "bad")",
                        "subject \(client?.subject ?? "-")", "names \(client?.names.joined(separator: " ") ?? "-")",
                        "helo \(session.introduction?.host ?? "-")",
                        "user \(session.user ?? "-") \(session.isRelayClient ? "relays" : "does not relay")",
                        "from \(session.connection.remoteAddress):\(session.connection.remotePort)",
                    ]))
            return .done
        }
    }
}

/// Lets the first client wait before it is welcome.
struct HoldFirst: Plugin {
    static let name = "hold_first"
    static let manual = "hold_first\n\nFor tests."

    /// Who waits. One test at a time.
    final class Gate: Sendable {
        private struct State {
            var hasBegun = false
            var isOpen = false
            var waiter: CheckedContinuation<Void, Never>?
        }
        private let state = Mutex(State())

        func close() { self.state.withLock { $0 = State() } }

        func open() {
            let waiter = self.state.withLock { state in
                state.isOpen = true
                return state.waiter.take()
            }
            waiter?.resume()
        }

        func pass() async {
            let isFirst = self.state.withLock { state in
                defer { state.hasBegun = true }
                return !state.hasBegun
            }
            guard isFirst else { return }
            await withCheckedContinuation { continuation in
                let isOpen = self.state.withLock { state in
                    if !state.isOpen { state.waiter = continuation }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }
    }
    static let gate = Gate()

    init(_ setup: PluginSetup) throws(PluginError) {}

    func register(on hooks: inout HookTable) {
        hooks.on(.preConnection) { _, _ async in
            await Self.gate.pass()
            return .declined
        }
    }
}

enum TLSFixture {
    /// Runs a server with files of certificates and keys, and lines of configuration.
    static func run(
        _ certificates: [String: TestCertificate], _ lines: [String], extra: [String: String] = [:],
        plugins: [String] = [], options: ListenerOptions = [],
        _ body: (TestServer, ScratchFolder) async throws -> Void
    ) async throws {
        let files = ScratchFolder()
        for (name, certificate) in certificates {
            files.write("\(name).pem", certificate.pem)
            files.write("\(name).key", certificate.key)
        }
        var content = [
            "me": "mx.server.example", "reverse_dns": "0", "rcpthosts": "server.example",
            "plugins": (["tell_tls"] + plugins + ["rcpt_ok", "queue/maildir \(files.path)/Maildir"])
                .joined(separator: "\n"),
            "limits": "max_conn_ip 1000",
        ]
        content.merge(extra) { $1 }
        if !lines.isEmpty { content["tls"] = lines.joined(separator: "\n") }
        for (name, text) in content { files.write(name, text + "\n") }
        try await TestServer.with(files: files, BundledPlugins.all + [TellTLS.self, HoldFirst.self], options: options) {
            server in
            try await body(server, files)
        }
    }

    /// The only message that was taken, its folded lines as one.
    static func message(in files: ScratchFolder) -> String {
        let names = ScratchFolder.names(of: files("Maildir/new")) ?? []
        guard names.count == 1 else { return "\(names.count) messages" }
        return (files.text("Maildir/new/\(names[0])") ?? "").split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
    }

    /// Puts a file in another's place at once.
    static func replace(_ name: String, in files: ScratchFolder, _ text: String) {
        files.write("\(name).new", text)
        rename(files("\(name).new"), files(name))
    }
}
