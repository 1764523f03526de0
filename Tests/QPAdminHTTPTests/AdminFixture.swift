// AdminFixture.swift
//
// An endpoint on sockets of its own.

import Crypto
import Glibc
import QPTelemetry

@testable import QPAdminHTTP

/// A running endpoint with a fake server behind it.
struct AdminFixture {
    let fake: FakeServer
    let endpoint: AdminServer
    /// A loopback port; another one, which counts as open to the world.
    let port: UInt16
    let openPort: UInt16
    let path: String
    let log: Log

    /// Lines for the server's log.
    final class Log: Sendable {
        let lines = FakeLines()
    }

    static let roles: [AdminRole] = AdminRole.allCases

    static func access() -> AdminAccess {
        var access = AdminAccess()
        access.tokens = Self.roles.map { role in
            AdminToken(
                name: role.rawValue, role: role, hash: Array(SHA256.hash(data: Array("secret-\(role.rawValue)".utf8))),
                hidesAddresses: role < .operator_)
        }
        access.users = [getuid(): .operator_]
        access.hosts = ["mail.example"]
        return access
    }

    static func run(
        access: AdminAccess = Self.access(), limits: ConnectionLimits = .init(), certificate: (String, String)? = nil,
        _ body: (AdminFixture) async throws -> Void
    ) async throws {
        let fake = FakeServer()
        let log = Log()
        let path = "/tmp/qpadmin-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
        let (loopback, port) = try Self.tcp()
        let (open, openPort) = try Self.tcp()
        let sockets = [
            AdminSocket(
                name: "loopback", descriptor: loopback, isUnix: false, isLoopback: true, certificate: certificate?.0,
                privateKey: certificate?.1),
            AdminSocket(name: "open", descriptor: open, isUnix: false, isLoopback: false),
            AdminSocket(name: "unix:\(path)", descriptor: try Self.unix(path), isUnix: true, isLoopback: false),
        ]
        let setup = AdminSetup(
            sockets: sockets, access: { access }, source: fake, control: fake,
            log: { level, text in log.lines.append("\(level) \(text)") }, reserve: FakeSpare(1))
        let endpoint = try await AdminServer.start(setup, limits)
        let fixture = AdminFixture(
            fake: fake, endpoint: endpoint, port: port, openPort: openPort, path: path, log: log)
        do {
            try await body(fixture)
        } catch {
            await endpoint.stop()
            unlink(path)
            throw error
        }
        await endpoint.stop()
        unlink(path)
    }

    private static func tcp() throws -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 512) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw RawClient.Failure.connect }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    private static func unix(_ path: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = RawClient.unixAddress(path)
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 && listen(descriptor, 64) == 0
            }
        }
        guard isBound else { throw RawClient.Failure.connect }
        return descriptor
    }

    /// One request on a connection of its own.
    func ask(
        _ method: String, _ target: String, host: String? = "localhost", _ fields: [String] = [], body: String? = nil
    ) throws -> RawAnswer {
        try RawClient(port: self.port).request(method, target, host: host, fields, body: body)
    }

    func askUnix(_ method: String, _ target: String, host: String? = "localhost") throws -> RawAnswer {
        try RawClient(path: self.path).request(method, target, host: host)
    }

    static func bearer(_ role: AdminRole) -> String { "Authorization: Bearer secret-\(role.rawValue)" }
}
