// TLSLoader.swift
//
// From files to certificates that can be used; what cannot be used is named with the line that names the file.

import Glibc
import NIOCore
import NIOSSL
import QPCertificates
import QPHooks

/// Makes the certificates of one load.
struct TLSLoader {
    /// `nil`: there is no certificate.
    private(set) var identities: TLSIdentities?
    private(set) var problems: [ConfigProblem] = []
    /// What was read; a change asks for a reload.
    private(set) var sources: [ConfigFileSource] = []
    private let settings: TLSSettings

    /// Loads what the settings name. If files that are in use cannot be used any more, the former certificates go on.
    init(_ settings: TLSSettings, former: TLSIdentities?) {
        self.settings = settings
        guard !settings.certificates.isEmpty else { return }
        do throws(ConfigProblem) {
            self.identities = try self.load()
        } catch {
            guard let former, former.settings == settings else {
                self.problems.append(error)
                return
            }
            self.identities = former
            let text = "\(error.text); the former certificate goes on"
            self.problems.append(.dropped(text, at: ConfigLine(text: "", file: error.file, number: error.line)))
        }
    }

    private mutating func load() throws(ConfigProblem) -> TLSIdentities {
        // All files first: a change of any of them is a reason to try again.
        var contents: [NamedFile: Result<[UInt8], ConfigProblem>] = [:]
        let files = self.settings.certificates.flatMap { [$0.certificate, $0.key] + ($0.chain.map { [$0] } ?? []) }
        for file in files + (self.settings.clientAuthorities.map { [$0] } ?? []) where contents[file] == nil {
            contents[file] = self.read(file)
        }
        let content = { (file: NamedFile) throws(ConfigProblem) -> [UInt8] in
            guard let content = contents[file] else { return [] }
            return try content.get()
        }
        var authorities: [NIOSSLCertificate] = []
        if let file = self.settings.clientAuthorities { authorities = try Self.certificates(try content(file), file) }
        var identities: [(name: String?, identity: TLSIdentity)] = []
        for files in self.settings.certificates {
            var chain = try Self.certificates(try content(files.certificate), files.certificate)
            if let more = files.chain {
                for certificate in try Self.certificates(try content(more), more) where !chain.contains(certificate) {
                    chain.append(certificate)
                }
            }
            let key = try Self.key(try content(files.key), files.key)
            self.warn(files, chain[0])
            identities.append((files.name, try self.identity(files, chain, key, authorities)))
        }
        let named = identities.compactMap { entry in entry.name.map { ($0, entry.identity) } }
        let standard = identities[0].identity
        let issuers = authorities.compactMap { try? $0.toDERBytes() }
        return TLSIdentities(
            self.settings, standard, Dictionary(named, uniquingKeysWith: { first, _ in first }), issuers)
    }

    private mutating func read(_ file: NamedFile) -> Result<[UInt8], ConfigProblem> {
        switch ConfigFileReader.read(file.path, limit: 1 << 20) {
        case .content(let bytes, let stamp):
            self.sources.append(ConfigFileSource(path: file.path, stamp: stamp))
            return .success(bytes)
        case .missing:
            self.sources.append(ConfigFileSource(path: file.path, stamp: nil))
            return .failure(.error("there is no file \(file.path)", at: file.line))
        case .failed(let text):
            self.sources.append(ConfigFileSource(path: file.path, stamp: ConfigFileStamp.now(file.path)))
            return .failure(.error("\(file.path) cannot be read: \(text)", at: file.line))
        }
    }

    private static func certificates(_ bytes: [UInt8], _ file: NamedFile) throws(ConfigProblem) -> [NIOSSLCertificate] {
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw .error("\(file.path) has no certificate in PEM form", at: file.line)
        }
        return certificates
    }

    private static func key(_ bytes: [UInt8], _ file: NamedFile) throws(ConfigProblem) -> NIOSSLPrivateKey {
        guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw .error("\(file.path) has no private key in PEM form without a passphrase", at: file.line)
        }
        return key
    }

    private mutating func warn(_ files: CertificateFiles, _ leaf: NIOSSLCertificate) {
        let now = time(nil)
        if leaf.notValidAfter < now {
            self.problems.append(.warning("\(files.certificate.path) has expired", at: files.certificate.line))
        } else if leaf.notValidBefore > now {
            self.problems.append(.warning("\(files.certificate.path) is not valid yet", at: files.certificate.line))
        }
        if ConfigFileReader.isReadableByOthers(files.key.path) {
            self.problems.append(
                .warning("\(files.key.path) may be read by other users (chmod o-r)", at: files.key.line))
        }
    }

    private func identity(
        _ files: CertificateFiles, _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey,
        _ authorities: [NIOSSLCertificate]
    ) throws(ConfigProblem) -> TLSIdentity {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = self.settings.onlyTLS13 ? .tlsv13 : .tlsv12
        configuration.cipherSuites = self.settings.ciphers.joined(separator: ":")
        configuration.shutdownTimeout = .seconds(2)
        // None of the system's: whom the operator trusts is in client-ca.
        configuration.trustRoots = .certificates(authorities)
        switch self.settings.clientCertificates {
        case .none: configuration.certificateVerification = .none
        case .request: configuration.certificateVerification = .optionalVerification
        case .require: configuration.certificateVerification = .noHostnameVerification
        }
        configuration.sendCANameList = self.settings.clientCertificates != .none && !authorities.isEmpty
        do {
            let suites = self.settings.onlyTLS13 ? [] : try Self.suites(self.settings.ciphers, for: chain[0])
            let contexts = try suites.map { suite in
                var configuration = configuration
                configuration.cipherSuites = suite.name
                return (suite.number, try NIOSSLContext(configuration: configuration))
            }
            return TLSIdentity(
                contexts: contexts, standard: try NIOSSLContext(configuration: configuration),
                endPoint: PeerCertificate.endPoint(try chain[0].toDERBytes()), expiry: Int(chain[0].notValidAfter))
        } catch {
            throw .error(
                "the key \(files.key.path) does not fit the certificate \(files.certificate.path)", at: files.key.line)
        }
    }
    /// The suites that go with a certificate's key.
    private static func suites(
        _ names: [String], for certificate: NIOSSLCertificate
    ) throws -> [(name: String, number: UInt16)] {
        let key = try certificate.extractPublicKey().toSPKIBytes()
        // RFC 8017 §C: the beginning of rsaEncryption and its kin.
        let isRSA = key.prefix(32).contains([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01])
        return names.compactMap { name in
            guard let number = TLSConfig.suites[name], name.contains("-RSA-") == isRSA else { return nil }
            return (name, number)
        }
    }
}
