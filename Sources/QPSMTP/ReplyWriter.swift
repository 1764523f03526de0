// ReplyWriter.swift
//
// RFC 5321 §4.2, §4.5.3.1.5

/// Cuts the logical lines of one reply into physical ones.
struct ReplyWriter {
    private static let idLimit = 64

    private let code: Int
    private let status: EnhancedStatus?
    private let id: String?
    private let utf8: Bool
    /// Octets of text that fit on a physical line.
    private let room: Int
    /// Octets of ` [id]`.
    private let tail: Int

    init(code: Int, status: EnhancedStatus?, id: String?, utf8: Bool) {
        self.code = code
        self.status = status
        self.id = id
        self.utf8 = utf8
        // RFC 5321 §4.5.3.1.5: 512 octets with code, status and CRLF.
        self.room = 512 - 2 - 4 - (status.map { $0.octets + 1 } ?? 0)
        self.tail = id.map { min($0.utf8.count, Self.idLimit) + 3 } ?? 0
    }

    func append(_ line: String, isLast: Bool, to out: inout [UInt8]) {
        let text = line.utf8.span
        var start = 0
        var limit = isLast ? self.room - self.tail : self.room
        while text.count - start > limit {
            // The piece that is left may fit without the id, so only a piece that surely goes on gets all the room.
            limit = text.count - start > self.room ? self.room : limit
            let cut = self.cut(text, from: start, limit: limit)
            self.begin(hyphen: true, to: &out)
            self.append(text, start..<cut, to: &out)
            self.end(to: &out)
            start = cut < text.count && text[cut] == 0x20 ? cut + 1 : cut
            limit = isLast ? self.room - self.tail : self.room
        }
        self.begin(hyphen: !isLast, to: &out)
        self.append(text, start..<text.count, to: &out)
        if isLast { self.appendID(afterText: start < text.count, to: &out) }
        self.end(to: &out)
    }

    /// Where to end a piece of at most `limit` octets: before a blank, or else before a whole character.
    private func cut(_ text: Span<UInt8>, from start: Int, limit: Int) -> Int {
        var index = start + limit
        while index > start {
            if text[index] == 0x20 { return index }
            index -= 1
        }
        index = start + limit
        while index > start + limit - 4, text[index] & 0xC0 == 0x80 { index -= 1 }
        return index
    }

    private func begin(hyphen: Bool, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: self.code / 100))
        out.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: self.code / 10 % 10))
        out.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: self.code % 10))
        out.append(hyphen ? UInt8(ascii: "-") : 0x20)
        guard let status = self.status else { return }
        status.append(to: &out)
        out.append(0x20)
    }

    private func end(to out: inout [UInt8]) {
        out.append(0x0D)
        out.append(0x0A)
    }

    private func appendID(afterText: Bool, to out: inout [UInt8]) {
        guard let id = self.id else { return }
        if afterText { out.append(0x20) }
        out.append(UInt8(ascii: "["))
        for byte in id.utf8.prefix(Self.idLimit) {
            out.append(byte > 0x20 && byte < 0x7F ? byte : UInt8(ascii: "?"))
        }
        out.append(UInt8(ascii: "]"))
    }

    private func append(_ text: Span<UInt8>, _ range: Range<Int>, to out: inout [UInt8]) {
        let start = out.count
        let survey = text.extracting(range).withUnsafeBufferPointer { octets in
            out.append(contentsOf: octets)
            return ByteSurvey(UnsafeRawBufferPointer(octets))
        }
        guard survey.hasControl || survey.hasHighBit else { return }
        for index in start..<out.count where !self.isText(out[index]) { self.clean(&out, at: index) }
    }

    /// RFC 5321 §4.2: textstring is tab, blank and VCHAR. C2 is suspect: it begins the controls U+0080 to U+009F.
    private func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F || byte == 0x09 || self.utf8 && byte >= 0x80 && byte != 0xC2
    }

    private func clean(_ out: inout [UInt8], at index: Int) {
        if self.utf8, out[index] == 0xC2, index + 1 < out.count {
            guard out[index + 1] < 0xA0 else { return }
            out[index + 1] = UInt8(ascii: "?")
        }
        out[index] = UInt8(ascii: "?")
    }
}
