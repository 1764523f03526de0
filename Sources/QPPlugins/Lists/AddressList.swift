// AddressList.swift
//
// A file of addresses, domains and regular expressions, each with a text for the client: badmailfrom, badrcptto.

import QPHooks

/// What such a file lists.
struct AddressList: Sendable {
    /// A line.
    struct Entry: Sendable, Hashable {
        /// What the client is told; empty if the line does not say.
        var text: String
    }

    private var texts: [String: Entry] = [:]
    private var patterns: [(pattern: ListPattern, entry: Entry)] = []

    /// The line for an address: exactly its own, that of its domain, or the first pattern that matches.
    func entry(for mailbox: Mailbox, in session: SessionContext) -> Entry? {
        let domain = "@" + mailbox.domainKey
        let address = mailbox.localPart.lowercased() + domain
        if let entry = self.texts[address] ?? self.texts[domain] { return entry }
        return self.patterns.first { $0.pattern.matches(address, in: session) }?.entry
    }

    /// Reads a file.
    /// - Throws: `PluginError` with file and line for a pattern that is none.
    @Sendable
    static func parse(_ file: ConfigFile) throws(PluginError) -> AddressList {
        var list = AddressList()
        for line in file.lines {
            let words = line.words
            guard let word = words.first else { continue }
            let entry = Entry(text: words.dropFirst().joined(separator: " "))
            if word.contains(where: { "/^$*+!%?\\".contains($0) }) {
                list.patterns.append((try line.pattern(Self.withoutSlashes(word)), entry))
            } else {
                list.texts[Self.key(word)] = entry
            }
        }
        return list
    }

    private static func withoutSlashes(_ word: String) -> String {
        word.count > 2 && word.hasPrefix("/") && word.hasSuffix("/") ? String(word.dropFirst().dropLast()) : word
    }

    /// Small letters, the domain as it is compared.
    static func key(_ word: String) -> String {
        guard let at = word.lastIndex(of: "@") else { return word.lowercased() }
        let domain = String(word[word.index(after: at)...])
        return word[..<at].lowercased() + "@" + (DomainName.toASCII(domain) ?? domain.lowercased())
    }
}
