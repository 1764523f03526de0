// TestAuthority.swift
//
// Certificates for tests, made on the spot.

@_implementationOnly import Crypto
@_implementationOnly import FoundationEssentials
@_implementationOnly import SwiftASN1
@_implementationOnly import X509

/// A certificate with its key.
public struct TestCertificate: Sendable {
    /// The certificate in PEM form.
    public let pem: String
    /// The key in PEM form.
    public let key: String
    /// The certificate in DER form.
    public let der: [UInt8]
    /// Its serial number.
    public let serial: [UInt8]
}

/// Who signs certificates of a test.
public struct TestAuthority: Sendable {
    /// Hashes of signatures.
    public enum Hash: Sendable {
        case sha256, sha384, sha512
    }

    private let name: String
    /// Its own certificate.
    public let own: TestCertificate

    /// Makes an authority.
    public init(_ name: String = "Test Authority") throws {
        let key = P256.Signing.PrivateKey()
        self.name = name
        self.own = try Self.make(
            name, key: key, issuer: key, issuerName: name,
            Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            })
    }

    /// Signs a certificate that is valid for some days from now; below zero, it was.
    public func issue(
        _ name: String, mail: String? = nil, days: Double = 30, hash: Hash = .sha256
    ) throws -> TestCertificate {
        let names: [GeneralName] = [.dnsName(name)] + (mail.map { [.rfc822Name($0)] } ?? [])
        return try Self.make(
            name, key: P256.Signing.PrivateKey(), issuer: P256.Signing.PrivateKey(pemRepresentation: self.own.key),
            issuerName: self.name, days: days, hash: hash,
            Certificate.Extensions { SubjectAlternativeNames(names) })
    }

    private static func make(
        _ name: String, key: P256.Signing.PrivateKey, issuer: P256.Signing.PrivateKey, issuerName: String,
        days: Double = 30, hash: Hash = .sha256, _ extensions: Certificate.Extensions
    ) throws -> TestCertificate {
        let algorithm: Certificate.SignatureAlgorithm =
            switch hash {
            case .sha256: .ecdsaWithSHA256
            case .sha384: .ecdsaWithSHA384
            case .sha512: .ecdsaWithSHA512
            }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
            notValidBefore: Date.now.addingTimeInterval(-86_400 * 60),
            notValidAfter: Date.now.addingTimeInterval(86_400 * days),
            issuer: DistinguishedName {
                OrganizationName("Tests")
                CommonName(issuerName)
            },
            subject: DistinguishedName {
                OrganizationName("Tests")
                CommonName(name)
            }, signatureAlgorithm: algorithm, extensions: extensions, issuerPrivateKey: .init(issuer))
        let document = try certificate.serializeAsPEM()
        return TestCertificate(
            pem: document.pemString + "\n", key: key.pemRepresentation + "\n", der: document.derBytes,
            serial: Array(certificate.serialNumber.bytes))
    }
}
