// CertificateTests.swift
//
// TLS, and certificates that are replaced while they are served.

import FoundationEssentials
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import QPAdminHTTP

struct CertificateTests {
    private final class SerialNumber: Sendable {
        let value = Mutex<[UInt8]>([])
    }

    /// Asks over TLS.
    /// - Returns: the answer and the serial number of the server's certificate.
    private func ask(_ port: UInt16, _ version: TLSVersion? = nil) async throws -> (String, [UInt8]) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .noHostnameVerification
        configuration.maximumTLSVersion = version
        let context = try NIOSSLContext(configuration: configuration)
        let serial = SerialNumber()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: Int(port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = try NIOSSLClientHandler(
                        context: context, serverHostname: nil,
                        customVerificationCallback: { chain, promise in
                            serial.value.withLock { $0 = chain.first?.serialNumber ?? [] }
                            promise.succeed(.certificateVerified)
                        })
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            try await outbound.write(ByteBuffer(string: request))
            var text = ""
            for try await buffer in inbound {
                text += String(buffer: buffer)
                if text.hasSuffix("ok\n") { break }
            }
            return (text, serial.value.withLock { $0 })
        }
    }

    @Test func replacedWhileServed() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("qpadmin-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificate = folder.appendingPathComponent("cert.pem").path
        let key = folder.appendingPathComponent("key.pem").path
        func write(_ pair: (String, String)) throws {
            try Data(pair.1.utf8).write(to: URL(filePath: key))
            try Data(pair.0.utf8).write(to: URL(filePath: certificate))
        }
        try write(CertificateSamples.first)
        #expect(AdminHTTP().certificateExpiry(certificate) != nil)
        #expect(AdminHTTP().certificateExpiry(key) == nil)
        #expect(AdminHTTP().certificateExpiry("/nonexistent") == nil)

        try await AdminFixture.run(certificate: (certificate, key)) { fixture in
            let first = try await self.ask(fixture.port)
            #expect(first.0.hasSuffix("\r\n\r\nok\n"))
            await #expect(throws: (any Error).self) { try await self.ask(fixture.port, .tlsv11) }

            try write(CertificateSamples.second)
            let second = try await self.ask(fixture.port)
            #expect(second.1 != first.1)

            // What cannot be used changes nothing.
            try Data("no certificate".utf8).write(to: URL(filePath: certificate))
            #expect(try await self.ask(fixture.port).1 == second.1)
            #expect(fixture.log.lines.all.contains { $0.hasPrefix("3 ") })

            // Somebody who does not speak TLS does no harm.
            let plain = try RawClient(port: fixture.port)
            plain.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(!plain.rest().contains("200"))
            #expect(try await self.ask(fixture.port).0.hasSuffix("ok\n"))
        }
    }

    @Test func unusableCertificatesStopTheStart() async throws {
        await #expect(throws: (any Error).self) {
            try await AdminFixture.run(certificate: ("/nonexistent", "/nonexistent")) { _ in }
        }
    }
}
