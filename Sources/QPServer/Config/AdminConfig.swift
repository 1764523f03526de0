// AdminConfig.swift
//
// Where the admin endpoint listens and who may do what there: config/admin, config/admin_tokens, config/admin_users.

import Glibc
import QPHooks
package import QPTelemetry

/// What config/admin, config/admin_tokens and config/admin_users say.
package struct AdminConfig: Sendable {
    /// Every file that is read. Their lines are for operators' eyes only: the hashes of tokens are among them.
    package static let names = ["admin", "admin_tokens", "admin_users"]

    package private(set) var addresses: [AdminListener] = []
    package private(set) var problems: [ConfigProblem] = []
    let tokens: [AdminToken]
    /// `nil`: there is no config/admin_users.
    private let users: [UInt32: AdminRole]?

    package init(_ directory: ConfigDirectory) {
        self.init(reading: directory.read, folder: directory.path)
    }

    /// - Parameters:
    ///   - read: gives a file's content; the configuration's own cache.
    ///   - folder: where relative names of files begin.
    init(reading read: (String) -> ConfigContent, folder: String) {
        let content = read("admin")
        let tokens = AdminTokenReader(read("admin_tokens"))
        let users = AdminUserReader(read("admin_users"))
        self.tokens = tokens.tokens
        self.users = users.users
        self.problems = content.problems
        for line in content.lines { self.take(line, folder) }
        self.problems += tokens.problems + users.problems
    }

    /// Who may do what, at this moment: without config/admin_users, root is admin and the server's own user operator.
    package var access: AdminAccess {
        var access = AdminAccess()
        access.tokens = self.tokens
        access.users = self.users ?? [geteuid(): .operator_].merging([0: .admin]) { $1 }
        for host in self.addresses.flatMap(\.hosts) where !access.hosts.contains(host) { access.hosts.append(host) }
        return access
    }

    private mutating func take(_ line: ConfigLine, _ folder: String) {
        do throws(ConfigProblem) {
            let listener = try AdminListener(line: line, folder: folder)
            if let missing = Self.missing(listener, self.tokens) {
                throw .error(
                    "\(listener) would let the network see and steer this server; add \(missing)", at: line)
            }
            // Port 0 twice is two ports.
            if listener.address.hasFixedPlace, self.addresses.contains(where: { $0.address == listener.address }) {
                throw .error("\(listener) stands here twice", at: line)
            }
            if let key = listener.privateKey, ConfigFileReader.isReadableByOthers(key) {
                self.problems.append(.warning("\(key) may be read by other users (chmod o-r)", at: line))
            }
            self.addresses.append(listener)
        } catch {
            self.problems.append(error)
        }
    }

    /// What a listener that others can reach lacks.
    private static func missing(_ listener: AdminListener, _ tokens: [AdminToken]) -> String? {
        guard !listener.address.isLocal else { return nil }
        let parts = [
            listener.certificate == nil ? "tls (tls CERTFILE KEYFILE)" : nil,
            tokens.isEmpty ? "a token (config/admin_tokens)" : nil,
        ]
        let missing = parts.compactMap(\.self).joined(separator: " and ")
        return missing.isEmpty ? nil : missing
    }
}

extension AdminAddress {
    /// Whether the same words would mean the same place again.
    fileprivate var hasFixedPlace: Bool {
        if case .tcp(let address) = self { return address.port != 0 }
        return true
    }
}
