// TLSConfig.swift
//
// Certificates and what handshakes must have: config/tls, the files of qpsmtpd, and its plugin line.

import QPHooks
import QPTelemetry

/// A file, with the line that names it.
struct NamedFile: Sendable, Hashable {
    /// From the root.
    let path: String
    let line: ConfigLine
}

/// A certificate with its key.
struct CertificateFiles: Sendable, Hashable {
    /// The name a client must ask for; `nil`: it is for everybody else.
    var name: String?
    var certificate: NamedFile
    var key: NamedFile
    /// Certificates that complete the chain.
    var chain: NamedFile?
}

/// What the configuration says of TLS.
struct TLSSettings: Sendable, Hashable {
    /// What is done about certificates of clients.
    enum ClientCertificates: String, Sendable, Hashable, CaseIterable {
        case none, request, require
    }

    /// The first one is for those who ask for no name.
    var certificates: [CertificateFiles] = []
    var clientAuthorities: NamedFile?
    var clientCertificates = ClientCertificates.none
    /// TLS 1.3 and nothing older.
    var onlyTLS13 = false
    /// Suites of TLS 1.2; those of 1.3 are what they are.
    var ciphers = TLSConfig.ciphers
}

/// Reads what the configuration says of TLS.
struct TLSConfig {
    /// Every file that is read.
    static let names = ["tls", "tls_cert", "tls_key", "tls_ca", "tls_ciphers", "tls_protocols"]

    /// Forward secrecy, and ciphers that authenticate; the best first.
    static let ciphers = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]

    /// Suites that an operator may ask for besides, for clients of long ago.
    static let oldCiphers = [
        "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
    ]

    /// All of them with their registered numbers.
    static let suites: [String: UInt16] = [
        "ECDHE-ECDSA-AES128-GCM-SHA256": 0xC02B,
        "ECDHE-RSA-AES128-GCM-SHA256": 0xC02F,
        "ECDHE-ECDSA-AES256-GCM-SHA384": 0xC02C,
        "ECDHE-RSA-AES256-GCM-SHA384": 0xC030,
        "ECDHE-ECDSA-CHACHA20-POLY1305": 0xCCA9,
        "ECDHE-RSA-CHACHA20-POLY1305": 0xCCA8,
        "ECDHE-ECDSA-AES128-SHA": 0xC009,
        "ECDHE-RSA-AES128-SHA": 0xC013,
        "ECDHE-ECDSA-AES256-SHA": 0xC00A,
        "ECDHE-RSA-AES256-SHA": 0xC014,
    ]

    private(set) var settings = TLSSettings()
    private(set) var problems: [ConfigProblem] = []
    private let folder: String
    private var certificate: NamedFile?
    private var key: NamedFile?

    /// - Parameters:
    ///   - read: gives a file's content; the configuration's own cache.
    ///   - folder: where relative names of files begin.
    ///   - plugins: the lines of config/plugins; one that names `tls` is the last to be asked.
    init(reading read: (String) -> ConfigContent, folder: String, plugins: [PluginEntry]) {
        self.folder = folder
        let content = read("tls")
        self.problems = content.problems
        for line in content.lines {
            do throws(ConfigProblem) { try self.take(line) } catch { self.problems.append(error) }
        }
        self.finishOwn(content.lines)
        self.takeUpstreamSettings(read)
        if self.settings.certificates.isEmpty { self.takeUpstreamFiles(read) }
        if self.settings.certificates.isEmpty, let entry = plugins.first(where: { $0.base == "tls" }) {
            self.takePlugin(entry)
        }
        if self.settings.clientCertificates == .require, self.settings.clientAuthorities == nil,
            let line = content.lines.first(where: { $0.words.first == "client-certificates" })
        {
            self.problems.append(.error("client-certificates require needs a line client-ca FILE", at: line))
        }
    }

    // MARK: config/tls

    private static let words = [
        "certificate", "key", "client-ca", "client-certificates", "minimum", "ciphers", "name",
    ]

    private mutating func take(_ line: ConfigLine) throws(ConfigProblem) {
        let words = line.words
        guard let word = words.first, Self.words.contains(word) else {
            let word = words.first ?? ""
            let nearest = EditDistance.nearest(to: word, in: Self.words).map { " (did you mean \($0)?)" } ?? ""
            throw .error("there is no setting '\(word)'\(nearest)", at: line)
        }
        if word == "name" { return try self.takeName(words, line) }
        guard words.count == 2 else { throw .error("\(word) needs one value", at: line) }
        switch word {
        case "certificate": self.certificate = self.file(words[1], line)
        case "key": self.key = self.file(words[1], line)
        case "client-ca": self.settings.clientAuthorities = self.file(words[1], line)
        case "client-certificates":
            guard let mode = TLSSettings.ClientCertificates(rawValue: words[1]) else {
                throw .error("'\(words[1])' is none of none, request, require", at: line)
            }
            self.settings.clientCertificates = mode
        case "minimum":
            guard ["1.2", "1.3"].contains(words[1]) else {
                throw .error("'\(words[1])' is neither 1.2 nor 1.3", at: line)
            }
            self.settings.onlyTLS13 = words[1] == "1.3"
        default:
            self.settings.ciphers = try Self.ciphers(words[1], line)
        }
    }

    /// `name HOST certificate FILE [key FILE]`
    private mutating func takeName(_ words: [String], _ line: ConfigLine) throws(ConfigProblem) {
        guard words.count == 4 || words.count == 6, words[2] == "certificate", words.count == 4 || words[4] == "key"
        else { throw .error("this reads: name HOST certificate FILE [key FILE]", at: line) }
        let name = words[1].lowercased()
        guard !self.settings.certificates.contains(where: { $0.name == name }) else {
            throw .error("\(name) has a certificate already", at: line)
        }
        let certificate = self.file(words[3], line)
        self.settings.certificates.append(
            CertificateFiles(
                name: name, certificate: certificate,
                key: words.count == 6 ? self.file(words[5], line) : certificate))
    }

    private mutating func finishOwn(_ lines: [ConfigLine]) {
        if let certificate = self.certificate {
            self.settings.certificates.insert(
                CertificateFiles(certificate: certificate, key: self.key ?? certificate), at: 0)
        } else if let key = self.key {
            self.problems.append(.error("there is a key but no certificate", at: key.line))
        } else if let first = self.settings.certificates.first {
            self.problems.append(
                .error("there is no certificate for clients that ask for no name", at: first.certificate.line))
        }
    }

    private static func ciphers(_ list: String, _ line: ConfigLine) throws(ConfigProblem) -> [String] {
        let known = Self.ciphers + Self.oldCiphers
        let names = list.split(whereSeparator: { $0 == ":" || $0 == "," }).map(String.init)
        for name in names where !known.contains(name) {
            throw .error("'\(name)' is none of \(known.joined(separator: ", "))", at: line)
        }
        guard !names.isEmpty else { throw .error("there is no cipher suite", at: line) }
        return names
    }

    private func file(_ name: String, _ line: ConfigLine) -> NamedFile {
        NamedFile(path: name.hasPrefix("/") ? name : "\(self.folder)/\(name)", line: line)
    }

    // MARK: qpsmtpd

    private mutating func takeUpstreamFiles(_ read: (String) -> ConfigContent) {
        let (key, chain) = (read("tls_key").lines.first, read("tls_ca").lines.first)
        guard let certificate = read("tls_cert").lines.first else { return }
        let file = self.file(certificate.text, certificate)
        self.settings.certificates = [
            CertificateFiles(
                certificate: file, key: key.map { self.file($0.text, $0) } ?? file,
                chain: chain.map { self.file($0.text, $0) })
        ]
    }

    private mutating func takeUpstreamSettings(_ read: (String) -> ConfigContent) {
        if let line = read("tls_ciphers").lines.first, self.settings.ciphers == Self.ciphers {
            // An expression of OpenSSL: of it, suites by name are taken, weak ones left out.
            let names = line.text.split(whereSeparator: { ": ,".contains($0) }).map(String.init)
            let wanted = names.filter(Self.ciphers.contains)
            if !wanted.isEmpty {
                self.settings.ciphers = wanted
            } else {
                self.problems.append(
                    .warning("no name of a good suite is here; the server's own list is used", at: line))
            }
        }
        if let line = read("tls_protocols").lines.first, line.text.contains("!TLSv1_2") || line.text == "TLSv1_3" {
            self.settings.onlyTLS13 = true
        }
    }

    /// `tls [CERT KEY [CA [DHPARAM]]]`: without words, the places where qpsmtpd looks.
    private mutating func takePlugin(_ entry: PluginEntry) {
        let folder = ["\(self.folder)/ssl", "\(self.folder)/../ssl"].first(where: ConfigFileReader.isDirectory)
        let standard = ["server.crt", "server.key", "ca.crt"].map { "\(folder ?? "ssl")/qpsmtpd-\($0)" }
        let words = entry.arguments.count >= 2 ? entry.arguments : standard
        let files = words.map { self.file($0, entry.line) }
        guard ConfigFileStamp.now(files[0].path) != nil else {
            // qpsmtpd takes mail without TLS then.
            return self.problems.append(
                .dropped("tls: there is no certificate \(files[0].path): STARTTLS is not offered", at: entry.line))
        }
        let chain = files.count > 2 && ConfigFileStamp.now(files[2].path) != nil ? files[2] : nil
        self.settings.certificates = [CertificateFiles(certificate: files[0], key: files[1], chain: chain)]
    }
}
