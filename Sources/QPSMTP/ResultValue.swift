// ResultValue.swift
//
// RFC 8601 §2.2: values in Authentication-Results.

/// Writes what a client chose so that it cannot be taken for another result.
public enum ResultValue {
    /// An address or a word as it is, else in quotes.
    public static func text(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.utf8.allSatisfy {
                ASCII.isLetterOrDigit($0) || $0 >= 0x80 || "!#$%&'*+-/?^_`{|}~.@".utf8.contains($0)
            }
        if isPlain { return value }
        var out = "\""
        for scalar in value.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { out += "\\" }
            out.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? "?" : scalar)
        }
        return out + "\""
    }
}
