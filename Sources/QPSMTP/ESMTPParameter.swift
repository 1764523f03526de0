// ESMTPParameter.swift
//
// RFC 5321 §4.1.2

/// A parameter of MAIL or RCPT: `SIZE=1000`, `SMTPUTF8`.
public struct ESMTPParameter: Sendable, Hashable, CustomStringConvertible {
    /// In small letters; a letter or digit, then letters, digits and hyphens.
    public let keyword: String
    /// What follows the equals sign, nil when there is none.
    public let value: String?

    /// - Parameters:
    ///   - keyword: in any case.
    ///   - value: nil for a keyword alone.
    public init(_ keyword: String, _ value: String? = nil) {
        self.keyword = ASCII.lowercased(keyword)
        self.value = value
    }

    /// `size=1000`.
    public var description: String {
        self.value.map { "\(self.keyword)=\($0)" } ?? self.keyword
    }
}
