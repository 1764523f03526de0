// FieldText.swift
//
// RFC 5322 §2.1.1, §2.2, §2.2.3

/// Makes text safe to stand in a header field.
enum FieldText {
    /// RFC 5322 §3.6.8: a name is printable ASCII without colon.
    static func isName(_ name: Span<UInt8>) -> Bool {
        guard name.count > 0 else { return false }
        for index in 0..<name.count where name[index] <= 0x20 || name[index] >= 0x7F || name[index] == UInt8(ascii: ":")
        {
            return false
        }
        return true
    }

    /// Line breaks become folds: CRLF, and a tab where the next line does not begin with a blank. Lines without
    /// text vanish, because the header would end there; control characters become `?`.
    static func folded(_ value: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(value.count)
        for line in value.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            guard !line.allSatisfy(ASCII.isBlank) else { continue }
            if !out.isEmpty {
                out += [0x0D, 0x0A]
                if let first = line.first, !ASCII.isBlank(first) { out.append(0x09) }
            }
            for byte in line { out.append(ASCII.isControl(byte) && byte != 0x09 ? UInt8(ascii: "?") : byte) }
        }
        return out
    }
}
