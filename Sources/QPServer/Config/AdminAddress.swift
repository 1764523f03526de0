// AdminAddress.swift
//
// A place of the admin endpoint: a line of config/admin, a value of --admin.

import Glibc
import QPHooks
import QPTelemetry

/// An address of the admin endpoint.
package enum AdminAddress: Sendable, Hashable, CustomStringConvertible {
    case tcp(SocketAddressText)
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let address): address.description
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Whether only this host reaches it, as far as that can be told without asking for names.
    package var isLocal: Bool {
        switch self {
        case .unix: true
        case .tcp(let address): IPAddress(address.host)?.isLoopback ?? (address.host.lowercased() == "localhost")
        }
    }

    /// Reads `ADDR:PORT` or `unix:PATH`. A relative path begins at `folder`, if that is given.
    init(_ text: String, folder: String? = nil, file: String, line: Int) throws(ConfigProblem) {
        if text.hasPrefix("unix:") {
            var path = String(text.dropFirst(5))
            if let folder, SystemCall.isPath(path), !path.hasPrefix("/") { path = "\(folder)/\(path)" }
            // sockaddr_un has room for 107 octets and their end.
            guard path.hasPrefix("/"), SystemCall.isPath(path), path.utf8.count <= 107 else {
                throw .error("unix: needs an absolute path of up to 107 octets", file: file, line: line)
            }
            self = .unix(path: path)
            return
        }
        switch SocketAddressText.parse(text) {
        case .success(let address): self = .tcp(address)
        case .failure(let problem): throw .error(problem.text, file: file, line: line)
        }
    }
}

/// Where and how the admin endpoint listens.
package struct AdminListener: Sendable, Hashable, CustomStringConvertible {
    package let address: AdminAddress
    /// PEM files, for TLS; both or neither.
    package private(set) var certificate: String?
    package private(set) var privateKey: String?
    /// Names that a Host field may carry, in lower case.
    package private(set) var hosts: [String] = []

    package init(_ address: AdminAddress) {
        self.address = address
    }

    package var description: String { self.address.description }

    /// Reads a line of config/admin: `ADDR:PORT [tls CERTFILE KEYFILE] [host NAME]...` or `unix:PATH`. Relative names
    /// of files begin at `folder`, the configuration directory.
    init(line: ConfigLine, folder: String) throws(ConfigProblem) {
        var words = line.words[...]
        self.address = try AdminAddress(words.popFirst() ?? "", file: line.file, line: line.number)
        while let word = words.popFirst() {
            guard ["tls", "host"].contains(word) else {
                let nearest = EditDistance.nearest(to: word, in: ["tls", "host"])
                throw .error("there is no option '\(word)'\(nearest.map { " (did you mean \($0)?)" } ?? "")", at: line)
            }
            guard case .tcp = self.address else { throw .error("\(word) is for ADDR:PORT only", at: line) }
            if word == "tls" {
                try self.takeTLS(&words, line, folder)
            } else {
                try self.takeHost(words.popFirst(), line)
            }
        }
    }

    /// Reads a value of --admin: `ADDR:PORT` or `unix:PATH`; a relative path begins at the working directory. What the
    /// command line can say is enough for this host only.
    package init(flag: String) throws(ConfigProblem) {
        self.address = try AdminAddress(flag, folder: Self.workingDirectory, file: "--admin", line: 0)
        if !self.address.isLocal {
            throw .error(
                "\(self.address) would let the network see and steer this server; put it into config/admin, with tls, "
                    + "and a token into config/admin_tokens", file: "--admin")
        }
    }

    private mutating func takeTLS(
        _ words: inout ArraySlice<String>, _ line: ConfigLine, _ folder: String
    ) throws(ConfigProblem) {
        guard self.certificate == nil else { throw .error("tls stands here twice", at: line) }
        guard let certificate = words.popFirst(), let key = words.popFirst() else {
            throw .error("tls needs CERTFILE and KEYFILE", at: line)
        }
        let paths = [certificate, key].map { $0.hasPrefix("/") ? $0 : "\(folder)/\($0)" }
        for (path, kind) in zip(paths, [PEMFile.Kind.certificate, .privateKey]) {
            if let text = PEMFile.problem(path, kind) { throw .error("tls: \(text)", at: line) }
        }
        self.certificate = paths[0]
        self.privateKey = paths[1]
    }

    private mutating func takeHost(_ name: String?, _ line: ConfigLine) throws(ConfigProblem) {
        guard let name else { throw .error("host needs a name", at: line) }
        guard name.utf8.count <= 253, name.utf8.allSatisfy(Self.isNameByte) else {
            throw .error("'\(name)' is no host name", at: line)
        }
        let host = name.lowercased()
        if self.hosts.contains(host) { throw .error("host \(host) stands here twice", at: line) }
        self.hosts.append(host)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-._".utf8.contains(byte)
        }
    }

    private static var workingDirectory: String? {
        guard let current = getcwd(nil, 0) else { return nil }
        defer { free(current) }
        return String(cString: current)
    }
}

/// Files in PEM form (RFC 7468 §2).
enum PEMFile {
    enum Kind {
        case certificate
        case privateKey
    }

    /// What is wrong with a file at first sight; the endpoint reads it in earnest.
    static func problem(_ path: String, _ kind: Kind) -> String? {
        switch ConfigFileReader.read(path, limit: 1 << 20) {
        case .missing: return "there is no \(path)"
        case .failed(let text): return "\(path) cannot be read: \(text)"
        case .content(let bytes, _):
            let lines = bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
            let isFound = lines.contains { line in
                guard let range = line.firstRange(of: "-----BEGIN ") else { return false }
                let label = line[range.upperBound...]
                return switch kind {
                case .certificate: label.hasPrefix("CERTIFICATE-----")
                case .privateKey: label.contains("PRIVATE KEY-----")
                }
            }
            let what = kind == .certificate ? "certificate" : "private key"
            return isFound ? nil : "\(path) holds no \(what) in PEM form"
        }
    }
}
