// EnhancedStatus.swift
//
// RFC 3463 §2, RFC 2034 §4

/// An enhanced mail system status code such as `5.7.1` (RFC 3463 §2).
public struct EnhancedStatus: Sendable, Hashable, CustomStringConvertible {
    /// The class: 2 success, 4 persistent transient failure, 5 permanent failure.
    public let category: UInt8
    /// What the status is about, 0 to 999.
    public let subject: UInt16
    /// The exact condition, 0 to 999.
    public let detail: UInt16

    /// A status of the permanent class whose numbers are known at compile time.
    init(_ subject: UInt16, _ detail: UInt16) {
        self.category = 5
        self.subject = subject
        self.detail = detail
    }

    private init(unchecked category: UInt8, _ subject: UInt16, _ detail: UInt16) {
        self.category = category
        self.subject = subject
        self.detail = detail
    }

    /// Nil unless the class is 2, 4 or 5 and both other numbers are 0 to 999 (RFC 3463 §2).
    public init?(category: Int, subject: Int, detail: Int) {
        guard category == 2 || category == 4 || category == 5 else { return nil }
        guard let subject = UInt16(exactly: subject), subject <= 999 else { return nil }
        guard let detail = UInt16(exactly: detail), detail <= 999 else { return nil }

        self.init(unchecked: UInt8(truncatingIfNeeded: category), subject, detail)
    }

    /// Reads `5.7.1`: three numbers of at most 1, 3 and 3 digits, nothing before or after (RFC 3463 §2).
    public init?(_ text: some StringProtocol) {
        var numbers = (0, 0, 0)
        var part = 0
        var digits = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                // RFC 3463 §2: leading zeros are not allowed.
                guard digits < 3, digits == 0 || numbers.2 != 0 else { return nil }
                numbers.2 = numbers.2 * 10 + Int(byte - UInt8(ascii: "0"))
                digits += 1
            case UInt8(ascii: "."):
                guard digits > 0, part < 2 else { return nil }
                numbers = (numbers.1, numbers.2, 0)
                part += 1
                digits = 0
            default:
                return nil
            }
        }
        guard part == 2, digits > 0 else { return nil }
        self.init(category: numbers.0, subject: numbers.1, detail: numbers.2)
    }

    /// The same condition in the class that a reply code asks for: 2xx success, 4xx transient, 5xx permanent
    /// (RFC 2034 §4). Any other code leaves the status as it is.
    public func withCategory(for code: Int) -> EnhancedStatus {
        switch code {
        case 200...299: EnhancedStatus(unchecked: 2, self.subject, self.detail)
        case 400...499: EnhancedStatus(unchecked: 4, self.subject, self.detail)
        case 500...599: EnhancedStatus(unchecked: 5, self.subject, self.detail)
        default: self
        }
    }

    /// `5.7.1`.
    public var description: String {
        "\(self.category).\(self.subject).\(self.detail)"
    }

    /// Splits a text that ends in `(#5.7.1)`, the form in which qpsmtpd's plugins give a status.
    ///
    /// The text comes back without the parenthesis and the blanks around it; without one it comes back unchanged.
    public static func extract(fromTextEnding text: String) -> (text: String, status: EnhancedStatus?) {
        let bytes = text.utf8
        guard let last = bytes.lastIndex(where: { !isBlankOrBreak($0) }), bytes[last] == UInt8(ascii: ")"),
            let open = bytes[..<last].lastIndex(of: UInt8(ascii: "("))
        else { return (text, nil) }

        let inner = bytes[bytes.index(after: open)..<last]
        guard inner.first == UInt8(ascii: "#"), let status = EnhancedStatus(text[inner.startIndex..<last].dropFirst())
        else { return (text, nil) }

        let kept = bytes[..<open].lastIndex { !isBlankOrBreak($0) }.map { bytes.index(after: $0) }
        return (String(text[..<(kept ?? bytes.startIndex)]), status)
    }

    private static func isBlankOrBreak(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    /// Octets of the wire form, 5 to 9.
    var octets: Int {
        4 + Self.digits(self.subject) + Self.digits(self.detail) - 1
    }

    func append(to out: inout [UInt8]) {
        out.append(UInt8(ascii: "0") &+ self.category)
        out.append(UInt8(ascii: "."))
        Self.append(self.subject, to: &out)
        out.append(UInt8(ascii: "."))
        Self.append(self.detail, to: &out)
    }

    private static func digits(_ number: UInt16) -> Int {
        number < 10 ? 1 : number < 100 ? 2 : 3
    }

    private static func append(_ number: UInt16, to out: inout [UInt8]) {
        if number >= 100 { out.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / 100)) }
        if number >= 10 { out.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / 10 % 10)) }
        out.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number % 10))
    }
}
