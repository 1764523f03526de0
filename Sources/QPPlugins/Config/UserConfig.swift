// UserConfig.swift
//
// Users' own values, from files in their folders.

public import QPHooks

/// Takes users' own configuration values from files in their folders.
public struct UserConfig: Plugin {
    public static let name = "user_config"

    public static let manual = """
        user_config [PATTERN]

        Plugins that ask for a value of one mail user (greylisting with per_recipient, whitelist with per_recipient) get
        it from a file of that name in the user's folder. PATTERN says where folders are; it begins with a slash:

            user_config /var/mail-users/%h/%u

        %u stands for the local part, %h for the domain, %a for the whole address, all in small letters, %% for a
        percent sign. The default is /home/%u/.qpsmtpd. %u alone makes users of all domains one: use %h with several.

        Every line of the file counts, also blank ones and comments; it has at most 64 KiB of UTF-8. A file that is not
        there, or that the server may not read, says nothing. Addresses with a slash, a control character or a dot at
        the beginning of a part have no folder.
        """

    private enum Part: Sendable {
        case literal(String)
        case user, host, address
    }

    private static let limit = 1 << 16
    private let parts: [Part]

    public init(_ setup: PluginSetup) throws(PluginError) {
        guard setup.arguments.count <= 1 else { throw .argument("one argument at most: where users' folders are") }
        self.parts = try Self.parts(of: setup.arguments.first ?? "/home/%u/.qpsmtpd")
        setup.declarePure()
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.userConfig, self.value)
    }

    @Sendable
    func value(_ event: UserConfigEvent) async throws -> Verdict<[String]> {
        guard let folder = self.folder(of: event.user), Self.isComponent(event.name) else { return .declined }
        do throws(EffectError) {
            let bytes = try await event.files.read("\(folder)/\(event.name)", limit: Self.limit)
            return .ok(Self.lines(of: bytes))
        } catch .failed {
            return .declined
        }
    }

    /// `nil` if a part of the address could lead anywhere else than to a folder of that name.
    private func folder(of user: Mailbox) -> String? {
        let (local, host) = (user.localPart.lowercased(), user.domainKey)
        guard Self.isComponent(local), host.isEmpty || Self.isComponent(host) else { return nil }
        var path = ""
        for part in self.parts {
            switch part {
            case .literal(let text): path += text
            case .user: path += local
            case .host where host.isEmpty: return nil
            case .host: path += host
            case .address: path += host.isEmpty ? local : "\(local)@\(host)"
            }
        }
        return path
    }

    private static func isComponent(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.first != UInt8(ascii: ".")
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
    }

    private static func lines(of bytes: [UInt8]) -> [String] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
    }

    private static func parts(of pattern: String) throws(PluginError) -> [Part] {
        guard pattern.hasPrefix("/"), !pattern.split(separator: "/").contains("..") else {
            throw .argument("'\(pattern)' does not begin with a slash, or has .. in it")
        }
        var parts: [Part] = []
        var rest = pattern[...]
        while let percent = rest.firstIndex(of: "%") {
            parts.append(.literal(String(rest[..<percent])))
            rest = rest[percent...].dropFirst()
            switch rest.popFirst() {
            case "u": parts.append(.user)
            case "h": parts.append(.host)
            case "a": parts.append(.address)
            case "%": parts.append(.literal("%"))
            default: throw .argument("'\(pattern)': % stands before u, h, a or %")
            }
        }
        return parts + [.literal(String(rest))]
    }
}
