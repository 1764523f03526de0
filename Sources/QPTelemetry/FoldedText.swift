// FoldedText.swift
//
// A text that is looked for without regard to case.

/// A text in small letters, to compare others with. Comparing with ASCII allocates nothing.
struct FoldedText: Sendable, Hashable {
    private enum Place {
        case whole, start, anywhere
    }

    private let octets: [UInt8]

    init(_ text: String) {
        self.octets = Array(text.lowercased().utf8)
    }

    var isEmpty: Bool { self.octets.isEmpty }

    func isEqual(to text: String) -> Bool { self.isFound(in: text, at: .whole) }

    func isPrefix(of text: String) -> Bool { self.isFound(in: text, at: .start) }

    func isContained(in text: String) -> Bool { self.isFound(in: text, at: .anywhere) }

    private func isFound(in text: String, at place: Place) -> Bool {
        if Self.isASCII(text.utf8.span) { return self.isFound(in: text.utf8.span, at: place) }
        // Other letters may take another number of octets in small.
        let small = text.lowercased()
        return self.isFound(in: small.utf8.span, at: place)
    }

    private func isFound(in text: Span<UInt8>, at place: Place) -> Bool {
        let room = text.count - self.octets.count
        guard room >= 0 else { return false }
        switch place {
        case .whole: return room == 0 && self.stands(in: text, at: 0)
        case .start: return self.stands(in: text, at: 0)
        case .anywhere:
            for offset in 0...room where self.stands(in: text, at: offset) { return true }
            return false
        }
    }

    private func stands(in text: Span<UInt8>, at offset: Int) -> Bool {
        for index in self.octets.indices where Self.small(text[offset + index]) != self.octets[index] { return false }
        return true
    }

    private static func small(_ octet: UInt8) -> UInt8 {
        (0x41...0x5A).contains(octet) ? octet | 0x20 : octet
    }

    private static func isASCII(_ text: Span<UInt8>) -> Bool {
        for index in text.indices where text[index] >= 0x80 { return false }
        return true
    }
}
