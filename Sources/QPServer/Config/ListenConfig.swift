// ListenConfig.swift
//
// Where the server listens: config/listen and --listen.

import QPActors
package import QPHooks
import QPTelemetry

/// An address and port, as operators write them.
package struct SocketAddressText: Sendable, Hashable, CustomStringConvertible {
    /// An address without brackets (`0.0.0.0`, `::1`), or a host name.
    package let host: String
    /// 0 lets the system choose.
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `127.0.0.1:25`, `[::1]:25`
    package var description: String {
        self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    /// Reads `ADDR:PORT`, `[v6]:PORT` or `*:PORT`; without a default port there must be one.
    static func parse(_ text: String, defaultPort: UInt16? = nil) -> Result<Self, AddressProblem> {
        guard let (name, port) = Self.split(text), let host = Self.host(name) else {
            return .failure(.init("'\(text)' has no usable address"))
        }
        guard let port else {
            guard let defaultPort else { return .failure(.init("'\(text)' needs a port (ADDR:PORT)")) }
            return .success(Self(host: host, port: defaultPort))
        }
        guard let number = ConfigNumber.whole(port), let port = UInt16(exactly: number) else {
            return .failure(.init("'\(port)' is no port (0 to 65535)"))
        }
        return .success(Self(host: host, port: port))
    }

    struct AddressProblem: Error {
        let text: String
        init(_ text: String) { self.text = text }
    }

    private static func split(_ text: String) -> (host: Substring, port: Substring?)? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            if rest.isEmpty { return (text[...end], nil) }
            return rest.hasPrefix(":") ? (text[...end], rest.dropFirst()) : nil
        }
        // More than one colon and no brackets: where the port would begin is anybody's guess.
        guard text.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 1, let colon = text.firstIndex(of: ":") else {
            return (text[...], nil)
        }
        return (text[..<colon], text[text.index(after: colon)...])
    }

    private static func host(_ text: Substring) -> String? {
        if text == "*" { return "0.0.0.0" }
        if text.hasPrefix("[") {
            let inner = String(text.dropFirst().dropLast())
            return IPAddress(inner) != nil && inner.utf8.contains(UInt8(ascii: ":")) ? inner : nil
        }
        let name = String(text)
        if IPAddress(name)?.isIPv4 == true { return name }
        // A host name, which binding resolves; one of digits and dots only is a misspelt address.
        let isName = name.utf8.count <= 253 && name.utf8.allSatisfy(Self.isNameByte)
        return isName && name.utf8.contains { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A } ? name : nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}

/// Where and how the server listens.
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// What may stand after an address.
    package enum Option: String, Sendable, Hashable, CaseIterable {
        case tls
        case proxy
        case lmtp
        case qmqp
        case submission
    }

    /// The options this version has.
    static let supported: Set<Option> = [.tls, .proxy, .lmtp, .submission]

    package let address: SocketAddressText
    package let options: Set<Option>

    package init(host: String, port: UInt16, options: Set<Option> = []) {
        self.address = SocketAddressText(host: host, port: port)
        self.options = options
    }

    /// What sessions are told of the options.
    var sessionOptions: ListenerOptions {
        self.options.reduce(into: []) { options, option in
            switch option {
            case .tls: options.insert(.tls)
            case .proxy: options.insert(.proxy)
            case .lmtp: options.insert(.lmtp)
            case .submission: options.insert(.submission)
            case .qmqp: break
            }
        }
    }

    package var host: String { self.address.host }
    package var port: UInt16 { self.address.port }

    package var description: String {
        self.options.map(\.rawValue).sorted().reduce(self.address.description) { "\($0) \($1)" }
    }

    /// Reads a line of config/listen: `ADDR:PORT [option ...]`.
    package init(line: ConfigLine) throws(ConfigProblem) {
        let words = line.words
        try self.init(words.first ?? "", options: words.dropFirst(), file: line.file, line: line.number)
    }

    /// Reads the value of --listen: `ADDR:PORT[,option...]`.
    package init(flag: String) throws(ConfigProblem) {
        let words = flag.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        try self.init(words.first ?? "", options: words.dropFirst(), file: "--listen", line: 0)
    }

    private init(_ address: String, options: ArraySlice<String>, file: String, line: Int) throws(ConfigProblem) {
        switch SocketAddressText.parse(address) {
        case .success(let value): self.address = value
        case .failure(let problem): throw .error(problem.text, file: file, line: line)
        }
        var found: Set<Option> = []
        for word in options {
            guard let option = Option(rawValue: word) else {
                let nearest = EditDistance.nearest(to: word, in: Option.allCases.map(\.rawValue))
                throw .error(
                    "there is no option '\(word)'\(nearest.map { " (did you mean \($0)?)" } ?? "")", file: file,
                    line: line)
            }
            guard Self.supported.contains(option) else {
                throw .error("option '\(word)' is not supported by this version", file: file, line: line)
            }
            found.insert(option)
        }
        if found.isSuperset(of: [.lmtp, .submission]) {
            throw .error("a listener is for lmtp or for submission, not for both", file: file, line: line)
        }
        // RFC 2033 §1
        if found.contains(.lmtp), self.address.port == 25 {
            throw .error("LMTP must not be spoken on port 25", file: file, line: line)
        }
        self.options = found
    }
}

extension ListenConfig {
    /// What does not go together with the rest of the configuration.
    func problems(with settings: ServerSettings) -> [ConfigProblem] {
        guard settings.proxyNetworks.isEmpty else { return [] }
        return self.addresses.filter { $0.options.contains(.proxy) }.map { address in
            .warning("nobody can use \(address): proxy_networks names no proxy", file: "listen")
        }
    }
}

/// What config/listen says.
package struct ListenConfig: Sendable {
    package private(set) var addresses: [ListenAddress] = []
    package private(set) var problems: [ConfigProblem] = []

    package init(_ directory: ConfigDirectory) {
        self.init(directory.read("listen"))
    }

    init(_ content: ConfigContent) {
        self.problems = content.problems
        for line in content.lines {
            do throws(ConfigProblem) {
                let address = try ListenAddress(line: line)
                // Port 0 twice is two ports.
                if address.port != 0, self.addresses.contains(where: { $0.address == address.address }) {
                    throw .error("\(address.address) stands here twice", at: line)
                }
                self.addresses.append(address)
            } catch {
                self.problems.append(error)
            }
        }
    }
}
