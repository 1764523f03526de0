// AddressSet.swift
//
// RFC 5321 §4.1.2 (Mailbox)

import QPHooks

/// Addresses and domains, asked whether one of them is an address or its domain.
struct AddressSet: Sendable {
    private var addresses: Set<String> = []
    private var domains = DomainSet()

    /// Reads the first word of each line: `ann@example.org`, `example.org`, `@example.org`, or `.example.org` for all
    /// domains below it.
    init(_ file: ConfigFile) throws(PluginError) {
        for line in file.lines {
            let word = line.words.first ?? ""
            let at = word.lastIndex(of: "@") ?? word.startIndex
            if at > word.startIndex {
                let (local, domain) = (String(word[..<at]), String(word[at...].dropFirst()))
                guard !domain.isEmpty, let mailbox = Mailbox(localPart: local, domain: domain) else {
                    throw line.error("'\(word)' is no address")
                }
                self.addresses.insert(Self.key(mailbox))
            } else {
                let domain = word.hasPrefix("@") ? String(word.dropFirst()) : word
                let name = domain.hasPrefix(".") ? String(domain.dropFirst()) : domain
                guard DomainName.isValid(name, smtputf8: true) else {
                    throw line.error("'\(word)' is no address and no domain")
                }
                self.domains.insert(domain)
            }
        }
    }

    /// Whether an address or its domain is listed.
    func contains(_ mailbox: Mailbox) -> Bool {
        self.addresses.contains(Self.key(mailbox)) || self.domains.contains(mailbox.domainKey)
    }

    /// An address for comparisons, in small letters.
    static func key(_ mailbox: Mailbox) -> String {
        mailbox.domain.isEmpty
            ? mailbox.localPart.lowercased() : "\(mailbox.localPart.lowercased())@\(mailbox.domainKey)"
    }
}
