// MetricsText+Accept.swift
//
// RFC 9110 §12.4.2 (quality values), §12.5.1 (Accept)

extension MetricsText {
    /// The format that a client wants most. Of two that it wants equally, the one that it names more precisely; then,
    /// or if it accepts neither, the text format of Prometheus: a scraper that asks oddly still gets numbers.
    package static func format(accept: String?) -> Format {
        guard let accept else { return .prometheus }
        var best: [Format: (precision: Int, quality: Int)] = [:]
        for element in accept.split(separator: ",").prefix(64) {
            guard let range = MediaRange(element) else { continue }
            for format in Format.allCases {
                guard let precision = range.precision(for: format) else { continue }
                // RFC 9110 §12.5.1: the most specific range decides. Of equals, the greater quality.
                if let known = best[format], known >= (precision, range.quality) { continue }
                best[format] = (precision, range.quality)
            }
        }
        guard let open = best[.openMetrics], open.quality > 0 else { return .prometheus }
        guard let plain = best[.prometheus] else { return .openMetrics }
        return (open.quality, open.precision) > (plain.quality, plain.precision) ? .openMetrics : .prometheus
    }
}

/// One element of Accept.
private struct MediaRange {
    private let type: String
    private let version: String?
    /// Thousandths.
    let quality: Int

    /// `nil` if it is not well-formed.
    init?(_ element: Substring) {
        let parts = element.split(separator: ";", omittingEmptySubsequences: false)
        guard let type = parts.first.map(Self.trimmed), !type.isEmpty else { return nil }
        var version: String?
        var quality = 1_000
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
            guard pair.count == 2 else { continue }
            switch pair[0].lowercased() {
            case "q":
                guard let known = Self.thousandths(pair[1]) else { return nil }
                quality = known
            case "version":
                version = pair[1].filter { $0 != "\"" }
            default: break
            }
        }
        self.type = type.lowercased()
        self.version = version
        self.quality = quality
    }

    /// How precisely the range means a format, 0...3; `nil`: it does not mean it.
    func precision(for format: MetricsText.Format) -> Int? {
        let (type, group, version) =
            switch format {
            case .prometheus: ("text/plain", "text/*", "0.0.4")
            case .openMetrics: ("application/openmetrics-text", "application/*", "1.0.0")
            }
        switch self.type {
        case type:
            guard let wanted = self.version else { return 2 }
            return wanted == version ? 3 : nil
        case group: return 1
        case "*/*": return 0
        default: return nil
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let start = text.drop(while: isSpace)
        guard let last = start.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(start[...last])
    }

    /// RFC 9110 §12.4.2: 0 to 1 with at most three decimals.
    private static func thousandths(_ text: String) -> Int? {
        let octets = Array(text.utf8)
        guard let whole = octets.first, octets.count <= 5 else { return nil }
        guard octets.count == 1 || octets[1] == UInt8(ascii: ".") else { return nil }
        var value = 0
        var place = 1_000
        for digit in [whole] + octets.dropFirst(2) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value += Int(digit - UInt8(ascii: "0")) * place
            place /= 10
        }
        return value <= 1_000 ? value : nil
    }
}
