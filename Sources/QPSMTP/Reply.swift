// Reply.swift
//
// RFC 5321 §4.2, §4.5.3.1.5; RFC 2034 §4

/// What the server says to a command: a code, perhaps an enhanced status, one or more lines of text.
public struct Reply: Sendable, Hashable {
    /// 200 to 599.
    public let code: Int
    /// The enhanced status as it was given; on the wire its class follows the code (RFC 2034 §4).
    public let status: EnhancedStatus?

    // Nearly every reply has one line: an array for it would be an allocation each.
    private let firstLine: String
    private let moreLines: [String]

    /// The logical lines, at least one, without line ends.
    public var lines: [String] {
        [self.firstLine] + self.moreLines
    }

    /// The logical lines with LF between them.
    public var text: String {
        self.moreLines.isEmpty ? self.firstLine : self.lines.joined(separator: "\n")
    }

    /// A reply without status whose text may hold LF or CRLF, each of which starts a further line.
    ///
    /// A code outside 200 to 599 becomes 451.
    public init(_ code: Int, _ text: String) {
        self.init(code, nil, text)
    }

    /// A reply whose text may hold LF or CRLF, each of which starts a further line.
    ///
    /// A code outside 200 to 599 becomes 451.
    public init(_ code: Int, _ status: EnhancedStatus?, _ text: String) {
        self.code = Self.checked(code)
        self.status = status
        guard text.hasLF else {
            self.firstLine = text
            self.moreLines = []
            return
        }
        var lines = Self.split(text)
        self.firstLine = lines.removeFirst()
        self.moreLines = lines
    }

    /// A reply of several lines; no line at all means one empty line.
    ///
    /// A code outside 200 to 599 becomes 451.
    public init(_ code: Int, _ status: EnhancedStatus? = nil, lines: [String]) {
        self.code = Self.checked(code)
        self.status = status
        let split = lines.flatMap { $0.hasLF ? Self.split($0) : [$0] }
        self.firstLine = split.first ?? ""
        self.moreLines = Array(split.dropFirst())
    }

    private static func checked(_ code: Int) -> Int {
        (200...599).contains(code) ? code : 451
    }

    /// At bytes, because "\r\n" is one Character.
    private static func split(_ text: String) -> [String] {
        text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
        }
    }

    /// Appends the wire form: `CODE-[STATUS ]text CRLF` for each line, the last with a blank for the hyphen.
    ///
    /// - Parameters:
    ///   - out: where the octets go.
    ///   - id: appended to the last line as ` [id]`; at most 64 octets of it.
    ///   - utf8: whether the client may be sent UTF-8 (RFC 6531 §3.7.4.2); otherwise octets outside ASCII become `?`.
    ///
    /// Control characters other than tab become `?`. No physical line exceeds 512 octets with its CRLF
    /// (RFC 5321 §4.5.3.1.5): longer ones are broken at a blank, or else between two characters.
    public func encode(into out: inout [UInt8], id: String?, utf8: Bool = false) {
        // RFC 2034 §4: only replies of the classes 2, 4 and 5 have a status.
        let status = (300...399).contains(self.code) ? nil : self.status?.withCategory(for: self.code)
        let writer = ReplyWriter(code: self.code, status: status, id: id, utf8: utf8)
        writer.append(self.firstLine, isLast: self.moreLines.isEmpty, to: &out)
        for (index, line) in self.moreLines.enumerated() {
            writer.append(line, isLast: index == self.moreLines.count - 1, to: &out)
        }
    }
}
