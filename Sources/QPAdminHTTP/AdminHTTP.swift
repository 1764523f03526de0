// AdminHTTP.swift
//
// The admin endpoint over HTTP.

import NIOSSL
public import QPTelemetry

/// Makes endpoints that speak HTTP/1.1.
public struct AdminHTTP: AdminEndpointFactory {
    /// A maker.
    public init() {}

    public func start(_ setup: AdminSetup) async throws -> any AdminEndpoint {
        try await AdminServer.start(setup)
    }

    public func certificateExpiry(_ path: String) -> Double? {
        guard let certificate = try? NIOSSLCertificate.fromPEMFile(path).first else { return nil }
        return Double(certificate.notValidAfter)
    }
}
