// AdminTokenReader.swift
//
// config/admin_tokens and config/admin_users: who may do what at the admin endpoint.

import QPHooks
import QPTelemetry

/// Reads `config/admin_tokens`: `ROLE NAME SHA256HEX [addresses=shown|hashed]` a line.
struct AdminTokenReader {
    /// Each request is compared with all of them.
    static let limit = 1000

    private(set) var tokens: [AdminToken] = []
    private(set) var problems: [ConfigProblem]

    init(_ content: ConfigContent) {
        self.problems = content.problems
        let files = content.sources.filter { $0.stamp != nil }.map(\.path)
        for path in files where !ConfigFileReader.isDirectory(path) && ConfigFileReader.isReadableByOthers(path) {
            self.problems.append(.warning("may be read by other users (chmod o-r)", file: path))
        }
        for line in content.lines {
            do throws(ConfigProblem) {
                try self.add(Self.token(line), at: line)
            } catch {
                self.problems.append(error)
            }
        }
    }

    private mutating func add(_ token: AdminToken, at line: ConfigLine) throws(ConfigProblem) {
        guard self.tokens.count < Self.limit else { throw .error("more than \(Self.limit) tokens", at: line) }
        for other in self.tokens {
            if other.name == token.name { throw .error("there is a token '\(token.name)' already", at: line) }
            if other.hash == token.hash { throw .error("this is the token of '\(other.name)'", at: line) }
        }
        self.tokens.append(token)
    }

    private static func token(_ line: ConfigLine) throws(ConfigProblem) -> AdminToken {
        let words = line.words
        // What stands here may be a token itself: none of these texts repeats it.
        guard !words.contains(where: { $0.hasPrefix(AdminToken.prefix) }) else {
            throw .error("a token itself does not belong here, only its hash: see `qpserver token`", at: line)
        }
        guard words.count == 3 || words.count == 4 else {
            throw .error("needs ROLE NAME SHA256HEX [addresses=shown|hashed]: see `qpserver token`", at: line)
        }
        let role: AdminRole
        switch AdminRole.read(words[0]) {
        case .success(let value): role = value
        case .failure(let problem): throw .error(problem.text, at: line)
        }
        guard AdminToken.isName(words[1]) else {
            throw .error("'\(words[1])' is no name: \(AdminToken.names)", at: line)
        }
        guard let hash = Self.hash(words[2]) else { throw .error("the hash is not 64 hexadecimal digits", at: line) }
        var hidesAddresses = false
        if words.count == 4 {
            switch words[3] {
            case "addresses=shown": hidesAddresses = false
            case "addresses=hashed": hidesAddresses = true
            default: throw .error("'\(words[3])' is neither addresses=shown nor addresses=hashed", at: line)
            }
        }
        return AdminToken(name: words[1], role: role, hash: hash, hidesAddresses: hidesAddresses)
    }

    private static func hash(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let high = Self.digit(digits[index]), let low = Self.digit(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}

/// Reads `config/admin_users`: `USER ROLE` a line.
struct AdminUserReader {
    /// By uid; `nil` without the file.
    private(set) var users: [UInt32: AdminRole]?
    private(set) var problems: [ConfigProblem]

    init(_ content: ConfigContent) {
        self.problems = content.problems
        guard content.path != nil else { return }
        var users: [UInt32: AdminRole] = [:]
        for line in content.lines {
            do throws(ConfigProblem) {
                let (uid, role) = try Self.user(line)
                if users.updateValue(role, forKey: uid) != nil {
                    throw .error("user \(line.words.first ?? "") has a role already", at: line)
                }
            } catch {
                self.problems.append(error)
            }
        }
        self.users = users
    }

    private static func user(_ line: ConfigLine) throws(ConfigProblem) -> (UInt32, AdminRole) {
        let words = line.words
        guard words.count == 2 else { throw .error("needs USER ROLE", at: line) }
        guard let uid = Privileges.uid(of: words[0]) else { throw .error("there is no user '\(words[0])'", at: line) }
        switch AdminRole.read(words[1]) {
        case .success(let role): return (uid, role)
        case .failure(let problem): throw .error(problem.text, at: line)
        }
    }
}

extension AdminRole {
    /// Reads a role's name.
    static func read(_ text: String) -> Result<Self, StartError> {
        if let role = Self(rawValue: text) { return .success(role) }
        let names = Self.allCases.map(\.rawValue)
        let nearest = EditDistance.nearest(to: text, in: names).map { "did you mean \($0)?" }
        return .failure(StartError("there is no role '\(text)' (\(nearest ?? names.joined(separator: ", ")))"))
    }
}
