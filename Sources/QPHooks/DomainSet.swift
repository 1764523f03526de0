// DomainSet.swift
//
// RFC 5321 §2.4 (domains have no case); RFC 5891 §5 (U-labels and A-labels)

/// Domains, asked whether one is among them: `example.org`, or `.example.org` for every domain below it.
///
/// Compared are domains in small letters with A-labels for U-labels, as `Mailbox.domainKey` gives them.
public struct DomainSet: Sendable, Hashable {
    private var entries: Set<String> = []

    /// Holds the given domains.
    public init(_ domains: some Sequence<String> = []) {
        for domain in domains { self.insert(domain) }
    }

    /// Holds the first word of each line, and more.
    public init(_ file: ConfigFile, with domains: [String] = []) {
        self.init(file.lines.compactMap(\.words.first) + domains)
    }

    /// Whether nothing is in it.
    public var isEmpty: Bool { self.entries.isEmpty }

    /// Adds a domain, or with a leading dot all domains below it.
    public mutating func insert(_ domain: String) {
        let isSuffix = domain.utf8.first == UInt8(ascii: ".")
        let name = isSuffix ? String(domain.dropFirst()) : domain
        guard !name.isEmpty else { return }
        self.entries.insert((isSuffix ? "." : "") + (DomainName.toASCII(name) ?? name.lowercased()))
    }

    /// Whether a domain (as `Mailbox.domainKey` gives it) is in the set.
    public func contains(_ key: String) -> Bool {
        !self.entries.isEmpty
            && (self.entries.contains(key) || Self.suffixes(of: key).contains { self.entries.contains($0) })
    }

    /// What stands behind each name of a domain, with its dot: `.b.example`, `.example` for `a.b.example`.
    public static func suffixes(of key: String) -> [String] {
        key.utf8.indices.filter { key.utf8[$0] == UInt8(ascii: ".") }.map { String(key[$0...]) }
    }
}
