// MetricsWriter.swift
//
// Lines of the two formats: declarations, samples, numbers, escapes.

/// Collects lines.
struct MetricsWriter {
    private let format: MetricsText.Format
    private var text = ""

    init(_ format: MetricsText.Format) {
        self.format = format
        self.text.reserveCapacity(64 * 1_024)
    }

    /// All of it; nothing may follow.
    consuming func finish() -> String {
        if self.format == .openMetrics { self.text += "# EOF\n" }
        return self.text
    }

    /// Declares a family; `kind` instead of its own.
    mutating func begin(_ family: MetricsFamily, as kind: MetricsFamily.Kind? = nil) {
        let kind = kind ?? family.kind
        switch self.format {
        case .prometheus:
            self.text += "# HELP \(family.name) \(Self.escaped(family.help, quotes: false))\n"
            self.text += "# TYPE \(family.name) \(kind == .info ? MetricsFamily.Kind.gauge.rawValue : kind.rawValue)\n"
        case .openMetrics:
            let name = family.openName
            self.text += "# TYPE \(name) \(kind.rawValue)\n"
            if let unit = family.unit { self.text += "# UNIT \(name) \(unit)\n" }
            self.text += "# HELP \(name) \(Self.escaped(family.help, quotes: true))\n"
        }
    }

    /// A sample. Labels are as `label` and `labels` write them.
    mutating func sample(_ name: String, _ labels: String, _ lastLabel: String = "", value: Double) {
        self.text += name
        if !labels.isEmpty || !lastLabel.isEmpty {
            self.text += "{"
            self.text += labels
            if !labels.isEmpty, !lastLabel.isEmpty { self.text += "," }
            self.text += lastLabel
            self.text += "}"
        }
        self.text += " "
        self.text += Self.number(value)
        self.text += "\n"
    }

    /// Cumulative buckets, sum and count; without bounds only the latter two.
    mutating func histogram(_ name: String, labels: String, _ histogram: MetricsHistogram) {
        if !histogram.bounds.isEmpty {
            for (bound, count) in zip(histogram.bounds, histogram.cumulative) {
                self.sample(name + "_bucket", labels, Self.label("le", self.bound(bound)), value: Double(count))
            }
            self.sample(name + "_bucket", labels, Self.label("le", "+Inf"), value: Double(histogram.count))
        }
        self.sample(name + "_sum", labels, value: histogram.sum)
        self.sample(name + "_count", labels, value: Double(histogram.count))
    }

    /// `NAME="VALUE"`.
    static func label(_ name: String, _ value: String) -> String {
        "\(name)=\"\(Self.escaped(value, quotes: true))\""
    }

    /// Labels in order; a missing value is empty, one too many is left out.
    static func labels(_ labels: [MetricsFamily.Label], _ values: [String]) -> String {
        labels.enumerated().map { index, label in
            Self.label(label.name, index < values.count ? values[index] : "")
        }.joined(separator: ",")
    }

    /// Whole numbers are digits alone; others the shortest text that means them.
    static func number(_ value: Double) -> String {
        if let whole = UInt64(exactly: value) { return String(whole) }
        if let whole = Int64(exactly: value) { return String(whole) }
        return value.description
    }

    /// OpenMetrics wants one text for each bound: with a point, and with an exponent from a million on. Both formats get
    /// the exponent, so that a bound seldom has two names.
    private func bound(_ value: Double) -> String {
        guard let whole = UInt64(exactly: value) else { return value.description }
        let digits = String(whole)
        guard digits.count > 6 else { return self.format == .openMetrics ? digits + ".0" : digits }
        var mantissa = digits
        while mantissa.last == "0" { mantissa.removeLast() }
        let first = mantissa.removeFirst()
        let exponent = digits.count - 1
        return "\(first)\(mantissa.isEmpty ? "" : ".")\(mantissa)e+\(exponent < 10 ? "0" : "")\(exponent)"
    }

    /// Control characters have no escape in either format, and some end a scraper's reading: they are replaced.
    private static func escaped(_ value: String, quotes: Bool) -> String {
        let isPlain = value.utf8.allSatisfy {
            (0x20..<0x7f).contains($0) && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "\"")
        }
        if isPlain { return value }
        var text = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\n": text.append(contentsOf: "\\n".unicodeScalars)
            case "\\": text.append(contentsOf: "\\\\".unicodeScalars)
            case "\"" where quotes: text.append(contentsOf: "\\\"".unicodeScalars)
            case "\u{0}"..<" ", "\u{7f}"..."\u{9f}": text.append("\u{fffd}")
            default: text.append(scalar)
            }
        }
        return String(text)
    }
}
