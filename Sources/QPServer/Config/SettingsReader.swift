// SettingsReader.swift
//
// The files that are no plugin's: limits, and qpsmtpd's own, which win where both say something.

import Glibc
import QPActors
import QPHooks

/// Reads what `ServerSettings` holds.
struct SettingsReader {
    /// Every file that is read.
    static let names = [
        "limits", "me", "smtpgreeting", "databytes", "size_threshold", "spool_dir", "spool_perms", "timeout",
        "timeoutsmtpd", "loglevel", "me-auth-results", "bare_newline", "reverse_dns", "soft_bounce",
        "tls_before_auth",
        "proxy_networks", "xclient_networks",
    ]

    private(set) var settings = ServerSettings()
    private(set) var problems: [ConfigProblem] = []
    private var limitLines: [String: ConfigLine] = [:]
    private let read: (String) -> ConfigContent

    init(_ directory: ConfigDirectory) {
        self.init(reading: directory.read)
    }

    /// - Parameter read: gives a file's content; the configuration's own cache.
    init(reading read: @escaping (String) -> ConfigContent) {
        self.read = read
        self.readLimits()
        self.readNames()
        self.readSizes()
        self.readTimes()
        self.readSpool()
        self.readLogLevel()
        self.readBareNewline()
        self.readSwitches()
        self.readAuth()
        self.settings.proxyNetworks = self.networks("proxy_networks")
        self.settings.xclientNetworks = self.networks("xclient_networks")
    }

    // MARK: Files

    private mutating func readLimits() {
        let content = self.read("limits")
        let reader = LimitsReader(content.lines)
        self.problems += content.problems + reader.problems
        self.settings.limits = reader.limits
        self.limitLines = reader.lines
    }

    private mutating func readNames() {
        if let line = self.line("me") {
            if Self.isHostName(line.text) {
                self.settings.me = line.text
            } else {
                self.problems.append(.error("'\(line.text)' is no host name", at: line))
            }
        } else if let name = Self.hostName(), Self.isHostName(name) {
            self.settings.me = name
        }
        if let line = self.line("smtpgreeting") {
            // RFC 5321 §4.5.3.1.5: 512 octets with code and line end.
            if line.text.utf8.count > 500 || !Self.isPlain(line.text) {
                self.problems.append(.error("a greeting has up to 500 printable ASCII characters", at: line))
            } else {
                self.settings.greeting = line.text
            }
        }
        if let line = self.line("me-auth-results") {
            if line.text == "none" {
                self.settings.authservID = ""
            } else if line.text.utf8.count <= 255, Self.isPlain(line.text), !line.text.contains(" ") {
                self.settings.authservID = line.text
            } else {
                self.problems.append(.error("'\(line.text)' is neither a host name nor 'none'", at: line))
            }
        }
    }

    private mutating func readSizes() {
        if let (bytes, _) = self.size("databytes", upTo: 1 << 50) {
            self.settings.databytes = bytes == 0 ? nil : bytes
        }
        if let (bytes, line) = self.size("size_threshold", upTo: 1 << 30) {
            self.settings.sizeThreshold = Int(bytes)
            self.overrules("message_memory", line)
        }
    }

    private mutating func readTimes() {
        let data = self.seconds("timeout")
        let command = self.seconds("timeoutsmtpd") ?? data
        if let (time, line) = data {
            self.settings.limits.dataTimeout = time
            self.overrules("data_timeout", line)
        }
        if let (time, line) = command {
            self.settings.limits.commandTimeout = time
            self.overrules("command_timeout", line)
        }
    }

    private mutating func readSpool() {
        if let line = self.line("spool_dir") {
            if let path = Self.expanded(line.text) {
                self.settings.spoolDirectory = path.hasSuffix("/") ? path : "\(path)/"
            } else {
                self.problems.append(.error("'\(line.text)': there is no such home", at: line))
            }
        }
        if let line = self.line("spool_perms") {
            if let mode = ConfigNumber.octal(line.text), mode <= 0o7777, mode & 0o700 == 0o700 {
                self.settings.spoolMode = mode
                if mode & 0o022 != 0 {
                    self.problems.append(.warning("others than the server may write into the spool", at: line))
                }
            } else {
                self.problems.append(
                    .error("'\(line.text)' is no mode (octal, with 7 for the owner, as 0700)", at: line))
            }
        }
    }

    private mutating func readLogLevel() {
        guard let line = self.line("loglevel") else { return }
        if let level = LogLevel(line.text) ?? LogLevel("LOG\(line.text.uppercased())") {
            self.settings.logLevel = level
        } else if ConfigNumber.whole(line.text) != nil {
            self.settings.logLevel = .debug
            self.problems.append(.warning("levels go from 0 to 7; taken as 7", at: line))
        } else {
            self.problems.append(.error("'\(line.text)' is no log level (0 to 7, or LOGERROR and so on)", at: line))
        }
    }

    private mutating func readBareNewline() {
        let lines = self.lines("bare_newline")
        guard let first = lines.first else { return }
        if let policy = BareNewlinePolicy(rawValue: first.text) {
            self.settings.bareNewline = policy
        } else {
            let names = BareNewlinePolicy.allCases.map(\.rawValue).joined(separator: ", ")
            self.problems.append(.error("'\(first.text)' is none of \(names)", at: first))
        }
        for line in lines.dropFirst() {
            if let network = Network(line.text) {
                self.settings.bareNewlineExempt.append(network)
            } else {
                self.problems.append(.error("'\(line.text)' is no network", at: line))
            }
        }
    }

    private mutating func readSwitches() {
        if let line = self.line("reverse_dns") {
            if let time = ConfigNumber.seconds(line.text), time <= .seconds(60) {
                self.settings.reverseDNS = time == .zero ? nil : time
            } else {
                self.problems.append(.error("'\(line.text)' is no number of seconds from 0 (never) to 60", at: line))
            }
        }
        if let line = self.line("soft_bounce") {
            if let flag = ConfigNumber.flag(line.text) {
                self.settings.softBounce = flag
            } else {
                self.problems.append(.error("'\(line.text)' is neither 0 nor 1", at: line))
            }
        }
    }

    /// Without the file AUTH is for encrypted connections; qpsmtpd's sample file says so too.
    private mutating func readAuth() {
        guard let line = self.line("tls_before_auth") else { return }
        if let flag = ConfigNumber.flag(line.text) {
            self.settings.authInClear = !flag
        } else {
            self.problems.append(.error("'\(line.text)' is neither 0 nor 1", at: line))
        }
    }

    /// Addresses and networks, a line each.
    private mutating func networks(_ name: String) -> NetworkSet {
        var networks = NetworkSet()
        for line in self.lines(name) {
            if let network = NetworkSet.network(line.text) {
                networks.insert(network)
            } else {
                self.problems.append(
                    .error("'\(line.text)' is no address, no network, and no prefix ending in '.' or ':'", at: line))
            }
        }
        return networks
    }

    // MARK: Values

    private mutating func lines(_ name: String) -> [ConfigLine] {
        let content = self.read(name)
        self.problems += content.problems
        return content.lines
    }

    private mutating func line(_ name: String) -> ConfigLine? {
        let lines = self.lines(name)
        if lines.count > 1 {
            self.problems.append(.warning("only the first line counts", at: lines[1]))
        }
        return lines.first
    }

    private mutating func size(_ name: String, upTo limit: UInt64) -> (UInt64, ConfigLine)? {
        guard let line = self.line(name) else { return nil }
        guard let size = ConfigNumber.size(line.text), size <= limit else {
            self.problems.append(.error("'\(line.text)' is no number of bytes up to \(limit)", at: line))
            return nil
        }
        return (size, line)
    }

    private mutating func seconds(_ name: String) -> (Duration, ConfigLine)? {
        guard let line = self.line(name) else { return nil }
        guard let time = ConfigNumber.seconds(line.text), time > .zero, time <= .seconds(7 * 86400) else {
            self.problems.append(.error("'\(line.text)' is no number of seconds (1 to 604800)", at: line))
            return nil
        }
        return (time, line)
    }

    private mutating func overrules(_ limit: String, _ winner: ConfigLine) {
        guard let line = self.limitLines[limit] else { return }
        self.problems.append(.warning("\(limit) does not count: \(winner.file) wins", at: line))
    }

    // MARK: Texts

    /// Loose on purpose: names with underscores and address literals are in use.
    private static func isHostName(_ text: String) -> Bool {
        text.utf8.count <= 255
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                default: "-._:[]".utf8.contains(byte)
                }
            }
    }

    private static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20...0x7E).contains($0) } }

    private static func hostName() -> String? {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return nil }
        let name = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return name.isEmpty ? nil : name
    }

    /// `~` and `~user` as the shell has them, and relative paths from where the server was started.
    private static func expanded(_ text: String) -> String? {
        guard text.hasPrefix("~") else {
            if text.hasPrefix("/") { return text }
            guard let current = getcwd(nil, 0) else { return nil }
            defer { free(current) }
            return "\(String(cString: current))/\(text)"
        }
        let user = text.dropFirst().prefix { $0 != "/" }
        let rest = text.dropFirst(user.count + 1)
        return Self.home(of: String(user)).map { $0 + rest }
    }

    private static func home(of user: String) -> String? {
        if user.isEmpty, let home = getenv("HOME") { return String(cString: home) }
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { buffer in
            guard let start = buffer.baseAddress else { return nil }
            let failure =
                user.isEmpty
                ? getpwuid_r(getuid(), &entry, start, buffer.count, &found)
                : getpwnam_r(user, &entry, start, buffer.count, &found)
            guard failure == 0, let home = found?.pointee.pw_dir else { return nil }
            return String(cString: home)
        }
    }
}
