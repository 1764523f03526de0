// ClientLine.swift
//
// RFC 5321 §2.4, §4.1.1

/// One command line, without its line end, cut into verb and argument.
public struct ClientLine: Sendable, Hashable {
    /// The command, `other` when it is not one of ours.
    public let verb: Verb
    /// The verb in small letters, with invalid UTF-8 repaired; "" when the line is empty or starts with a blank.
    public let name: String
    /// What follows the first run of blanks, otherwise untouched, with invalid UTF-8 repaired for display.
    public let argument: String
    /// The argument's octets if it is not valid UTF-8 or holds NUL or another control character, else nil.
    public let rawArgument: [UInt8]?
    /// False if the line holds NUL, CR or another control character except tab.
    public let isClean: Bool

    /// - Parameter bytes: the line's content without CRLF; only read during the call.
    public init(_ bytes: UnsafeRawBufferPointer) {
        var wordEnd = 0
        while wordEnd < bytes.count, !ASCII.isBlank(bytes[wordEnd]) { wordEnd += 1 }
        var argumentStart = wordEnd
        while argumentStart < bytes.count, ASCII.isBlank(bytes[argumentStart]) { argumentStart += 1 }

        let word = UnsafeRawBufferPointer(rebasing: bytes[..<wordEnd])
        let rest = UnsafeRawBufferPointer(rebasing: bytes[argumentStart...])
        let verb = Verb(word)
        let restSurvey = ByteSurvey(rest)

        self.verb = verb
        if verb == .other {
            self.name = Self.lowercased(word)
            self.isClean = !restSurvey.hasControl && !ByteSurvey(word).hasControl
        } else {
            self.name = verb.name
            self.isClean = !restSurvey.hasControl
        }
        self.argument = rest.isEmpty ? "" : String(decoding: rest, as: UTF8.self)
        let isInvalid = restSurvey.hasHighBit && !Self.isValidUTF8(rest)
        self.rawArgument = restSurvey.hasControl || isInvalid ? Array(rest) : nil
    }

    private static func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }

    private static func lowercased(_ word: UnsafeRawBufferPointer) -> String {
        guard !word.isEmpty else { return "" }
        return String(decoding: word.lazy.map(ASCII.lower), as: UTF8.self)
    }
}
