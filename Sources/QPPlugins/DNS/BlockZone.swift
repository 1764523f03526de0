// BlockZone.swift
//
// RFC 5782 §2 (lists in the DNS), §2.3 (names); RFC 1035 §2.3.4 (lengths)

import QPHooks

/// A list in the DNS: its zone, and the text for the client if the operator wrote one.
struct BlockZone: Sendable, Hashable {
    /// The zone, in small letters.
    let zone: String
    /// With a text of its own the zone is asked for addresses, else for the text.
    let message: String?

    /// Reads a zone's name; `nil` if it is no domain.
    init?(_ zone: some StringProtocol, message: String? = nil) {
        let name = zone.last == "." ? String(zone.dropLast()) : String(zone)
        guard let ascii = DomainName.toASCII(name) else { return nil }
        self.zone = ascii
        self.message = message.flatMap { $0.isEmpty ? nil : $0 }
    }

    fileprivate func ask(_ name: String, _ dns: DNS, _ timeout: Duration) async -> BlockAnswer {
        let question = "\(name).\(self.zone)"
        guard question.utf8.count <= 253 else { return .clean }
        do {
            guard self.message == nil else { return self.read(try await dns.a(question, timeout: timeout)) }
            let texts = try await dns.txt(question, timeout: timeout)
            return texts.isEmpty ? .clean : .listed(Self.oneLine(texts.joined(separator: " ")))
        } catch {
            return error.isTemporary ? .failed("\(self.zone): \(error.logText)") : .clean
        }
    }

    /// RFC 5782 §2.1: what is listed has an address of 127.0.0.0/8. Others come from whoever answers for every name;
    /// those of 127.255.255.0/24 are what lists answer instead of serving somebody.
    private func read(_ addresses: [IPAddress]) -> BlockAnswer {
        let codes = addresses.filter { $0.isIPv4 && $0.isLoopback }
        if codes.contains(where: { $0.bytes.dropLast().elementsEqual([127, 255, 255]) }) {
            return .failed("\(self.zone): the list does not serve this server")
        }
        if codes.isEmpty, let other = addresses.first { return .failed("\(self.zone): \(other) is no code of a list") }
        return codes.isEmpty ? .clean : .listed(self.message ?? "")
    }

    /// What a list says is for one line of a reply.
    private static func oneLine(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(400) {
            line.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
        }
        return String(line)
    }
}

private enum BlockAnswer: Sendable {
    case clean
    case listed(String)
    case failed(String)
}

/// A name to look up in a list.
struct BlockQuery: Sendable {
    /// The list.
    let zone: BlockZone
    /// What is looked up: a domain, or the labels of an address.
    let name: String
    /// What it is, for the log and the client.
    let subject: String
}

/// What the lists said.
struct BlockResult: Sendable {
    /// The first that knew a name, and its text (empty if it has none).
    var listing: (query: BlockQuery, text: String)?
    /// Lists that could not be asked, for the log.
    var failures: [String] = []

    /// Asks all lists at once. The first that knows a name wins, and the others are not waited for.
    static func first(of queries: [BlockQuery], _ dns: DNS, timeout: Duration) async -> BlockResult {
        await withTaskGroup(of: (Int, BlockAnswer).self) { group in
            for (index, query) in queries.enumerated() {
                group.addTask { (index, await query.zone.ask(query.name, dns, timeout)) }
            }
            var result = BlockResult()
            for await (index, answer) in group {
                switch answer {
                case .clean: continue
                case .failed(let text): result.failures.append(text)
                case .listed(let text):
                    group.cancelAll()
                    result.listing = (queries[index], text)
                    return result
                }
            }
            return result
        }
    }
}
