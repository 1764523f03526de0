// SMTPAnswer.swift
//
// RFC 5321 §4.2 (replies), RFC 2034 §4 (status codes in them)

import QPHooks

/// A reply of a server.
struct SMTPAnswer: Sendable, CustomStringConvertible {
    let code: Int
    private(set) var lines: [String]
    /// Whether the last line has come.
    private(set) var isComplete: Bool
    /// The class of codes that means yes: 200, or 300 for DATA.
    var expected = 200

    /// Reads the next line of a reply; `nil` if it is none, or its code is not that of the lines before.
    init?(line: [UInt8], after former: SMTPAnswer?) {
        guard line.count >= 3, let code = Int(String(decoding: line[..<3], as: UTF8.self)),
            (200...599).contains(code), former == nil || former?.code == code
        else { return nil }
        let separator = line.count > 3 ? line[3] : 0x20
        guard separator == 0x20 || separator == UInt8(ascii: "-") else { return nil }
        self.code = code
        self.isComplete = separator == 0x20
        self.lines = (former?.lines ?? []) + [String(decoding: line.dropFirst(4), as: UTF8.self)]
    }

    var isPositive: Bool { (self.expected..<self.expected + 100).contains(self.code) }

    /// The text without enhanced status codes.
    var text: String {
        self.lines.prefix(5).map { line in
            let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            guard let first = words.first, EnhancedStatus(first) != nil else { return line }
            return words.count > 1 ? String(words[1]) : ""
        }.joined(separator: "\n")
    }

    /// The refusal it is; `nil` if it says yes. A reply that fits nowhere is a deferral: the mail must not get lost.
    var denial: Denial? {
        guard !self.isPositive else { return nil }
        guard self.code >= 400 else { return Denial(.denysoft, "The next hop gave a strange answer", .otherProtocol) }
        let status = self.lines.first?.split(separator: " ").first.flatMap { EnhancedStatus($0) }
        return Denial(self.code < 500 ? .denysoft : .deny, self.text, status)
    }

    /// The refusal of a recipient behind others that were taken. RFC 5321 §4.5.3.1.10: 552 may mean that there are too many,
    /// which will pass.
    var furtherRecipientDenial: Denial? {
        guard let denial = self.denial, self.code == 552 else { return self.denial }
        guard denial.status.map({ $0.subject == 5 && $0.detail == 3 }) ?? true else { return denial }
        return Denial(.denysoft, denial.text, EnhancedStatus(category: 4, subject: 5, detail: 3))
    }

    var description: String { "\(self.code) \(self.lines.joined(separator: " / "))" }
}
