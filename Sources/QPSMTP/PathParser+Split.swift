// PathParser+Split.swift
//
// RFC 5321 §4.1.1, §4.1.1.2, §4.1.1.3, §4.1.2; RFC 6531 §3.3

extension PathParser {
    /// Cuts what follows the verb into the path, unread, and the parameters.
    ///
    /// - Parameters:
    ///   - argument: `FROM:<a@b.example> SIZE=1`.
    ///   - prefix: `FROM:` or `TO:`; the argument may have it in any case. Blanks after the colon are accepted
    ///     although RFC 5321 §3.3 forbids them, because qpsmtpd does and clients send them.
    /// - Returns: the path with its brackets, or without where the client left them out; "" for `FROM:` alone.
    /// - Throws: `PathError.syntax` for a path without its end; `PathError.arguments` for all else, also for a keyword
    ///   that comes twice.
    public static func split(
        _ argument: String,
        prefix: String
    ) throws(PathError) -> (path: String, parameters: [ESMTPParameter]) {
        let bytes = argument.utf8.span
        var index = try self.skip(prefix, bytes)
        while index < bytes.count, ASCII.isBlank(bytes[index]) { index += 1 }
        let start = index
        // A path in brackets ends with its bracket, and nothing sticks to it.
        guard let end = self.pathEnd(bytes, from: start), end == bytes.count || ASCII.isBlank(bytes[end]) else {
            let isSender = ASCII.equal(prefix.utf8.span, lowercase: "from:")
            throw .syntax(isSender ? "could not parse your mail from command" : "could not parse recipient")
        }
        return (bytes.text(start..<end), try self.parameters(bytes, from: end))
    }

    private static func skip(_ prefix: String, _ bytes: Span<UInt8>) throws(PathError) -> Int {
        let wanted = prefix.utf8.span
        guard bytes.count >= wanted.count else { throw .arguments("Syntax error in command") }
        for index in 0..<wanted.count where ASCII.lower(bytes[index]) != ASCII.lower(wanted[index]) {
            throw .arguments("Syntax error in command")
        }
        return wanted.count
    }

    /// Where the path ends: after `>`, or at a blank if there are no brackets; quoted strings may hold both. Nil if a
    /// bracket is not closed.
    private static func pathEnd(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        guard start < bytes.count else { return start }
        let hasBracket = bytes[start] == UInt8(ascii: "<")
        // The ordinary path is in brackets and has no quoted string.
        if hasBracket, let end = self.offset(of: UInt8(ascii: ">"), in: bytes, start..<bytes.count),
            self.offset(of: UInt8(ascii: "\""), in: bytes, start..<end) == nil
        {
            return end + 1
        }
        var index = start
        var isQuoted = false
        while index < bytes.count {
            let byte = bytes[index]
            if isQuoted, byte == UInt8(ascii: "\\"), index + 1 < bytes.count {
                index += 1
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if !isQuoted, hasBracket, byte == UInt8(ascii: ">") {
                return index + 1
            } else if !isQuoted, !hasBracket, ASCII.isBlank(byte) {
                return index
            }
            index += 1
        }
        return hasBracket ? nil : index
    }

    private static func offset(of byte: UInt8, in bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        let hit = bytes.extracting(range).withUnsafeBufferPointer { octets in
            UnsafeRawBufferPointer(octets).firstIndex(of: byte, from: 0)
        }
        return hit.map { range.lowerBound + $0 }
    }

    private static func parameters(_ bytes: Span<UInt8>, from start: Int) throws(PathError) -> [ESMTPParameter] {
        var parameters: [ESMTPParameter] = []
        var index = start
        while true {
            // RFC 5321 §4.1.1: blanks at the end of a line are tolerated.
            while index < bytes.count, ASCII.isBlank(bytes[index]) { index += 1 }
            guard index < bytes.count else { return parameters }

            var end = index
            while end < bytes.count, !ASCII.isBlank(bytes[end]) { end += 1 }
            guard let parameter = self.parameter(bytes.extracting(index..<end)),
                !parameters.contains(where: { $0.keyword == parameter.keyword })
            else { throw .arguments("Syntax error in parameters") }
            parameters.append(parameter)
            index = end
        }
    }

    /// RFC 5321 §4.1.2: esmtp-param; RFC 6531 §3.3 adds UTF-8 to the values.
    private static func parameter(_ text: Span<UInt8>) -> ESMTPParameter? {
        guard text.count > 0, ASCII.isLetterOrDigit(text[0]) else { return nil }

        var end = 1
        while end < text.count, ASCII.isLetterOrDigit(text[end]) || text[end] == UInt8(ascii: "-") { end += 1 }
        let keyword = text.text(0..<end)
        guard end < text.count else { return ESMTPParameter(keyword) }

        guard text[end] == UInt8(ascii: "="), end + 1 < text.count else { return nil }
        for index in end + 1..<text.count {
            let byte = text[index]
            guard byte > 0x20, byte != 0x7F, byte != UInt8(ascii: "=") else { return nil }
        }
        return ESMTPParameter(keyword, text.text(end + 1..<text.count))
    }
}
