// PeerCertificate.swift
//
// RFC 5280 §4.1.2, §4.2.1.6; RFC 4514; RFC 5929 §4.1: what is read out of certificates in DER form.

@_implementationOnly import Crypto
@_implementationOnly import SwiftASN1
@_implementationOnly import X509

/// A certificate, read.
public struct PeerCertificate: Sendable {
    /// As RFC 4514 writes it.
    public let subject: String
    /// Likewise.
    public let issuer: String
    /// The subject's last common name.
    public let commonName: String?
    /// DNS names and mail addresses.
    public let names: [String]

    /// Names that are kept of one certificate.
    private static let limit = 64

    /// Reads a certificate; `nil`: it is none.
    public init?(_ der: [UInt8]) {
        guard let certificate = try? Certificate(derEncoded: der) else { return nil }
        self.subject = certificate.subject.description
        self.issuer = certificate.issuer.description
        self.commonName = certificate.subject.flatMap { $0 }.last { $0.type == .RDNAttributeType.commonName }
            .flatMap { String($0.value) }
        let alternatives = (try? certificate.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames()
        self.names = alternatives.compactMap { name -> String? in
            switch name {
            case .dnsName(let text), .rfc822Name(let text): text
            default: nil
            }
        }.prefix(Self.limit).map { $0 }
    }

    /// SHA-256 in small hexadecimal digits.
    public static func fingerprint(_ der: [UInt8]) -> String {
        SHA256.hash(data: der).reduce(into: "") { text, byte in
            text += byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
        }
    }

    /// RFC 5929 §4.1: the hash that the certificate's signature uses; SHA-256 in place of MD5 and SHA-1, and where the
    /// signature has none of its own.
    public static func endPoint(_ der: [UInt8]) -> [UInt8] {
        switch (try? Certificate(derEncoded: der))?.signatureAlgorithm {
        case .ecdsaWithSHA384?, .sha384WithRSAEncryption?: Array(SHA384.hash(data: der))
        case .ecdsaWithSHA512?, .sha512WithRSAEncryption?: Array(SHA512.hash(data: der))
        default: Array(SHA256.hash(data: der))
        }
    }

    /// Whether a chain leads to one of the authorities, now, and is for clients.
    public static func isGood(_ chain: [[UInt8]], by authorities: [[UInt8]]) async -> Bool {
        let certificates = chain.prefix(10).compactMap { try? Certificate(derEncoded: $0) }
        let roots = authorities.compactMap { try? Certificate(derEncoded: $0) }
        guard let leaf = certificates.first, !roots.isEmpty else { return false }
        if let usage = try? leaf.extensions.extendedKeyUsage, !usage.contains(.clientAuth), !usage.contains(.any) {
            return false
        }
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) { RFC5280Policy() }
        let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(certificates.dropFirst()))
        if case .validCertificate = result { return true }
        return false
    }
}
