// ConfigProblem.swift
//
// What is wrong with a configuration, with file and line.

package import QPHooks

/// Something wrong or odd in a configuration.
package struct ConfigProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// How bad it is.
    package enum Severity: String, Sendable, Hashable {
        case error
        case warning
    }

    /// How bad it is.
    package let severity: Severity
    /// The file, or the command line's option.
    package let file: String
    /// The line from 1; 0 if the problem is not one line's.
    package let line: Int
    /// What is wrong.
    package let text: String
    /// Whether a configuration with this problem is refused. Some errors only cost the line they stand on: a server
    /// that took mail with them under qpsmtpd must start.
    package let refuses: Bool

    package static func error(_ text: String, file: String, line: Int = 0) -> Self {
        Self(severity: .error, file: file, line: line, text: text, refuses: true)
    }

    package static func error(_ text: String, at line: ConfigLine) -> Self {
        .error(text, file: line.file, line: line.number)
    }

    /// An error that costs only its own line.
    package static func dropped(_ text: String, at line: ConfigLine) -> Self {
        Self(severity: .error, file: line.file, line: line.number, text: text, refuses: false)
    }

    package static func warning(_ text: String, file: String, line: Int = 0) -> Self {
        Self(severity: .warning, file: file, line: line, text: text, refuses: false)
    }

    package static func warning(_ text: String, at line: ConfigLine) -> Self {
        .warning(text, file: line.file, line: line.number)
    }

    /// What a plugin said, placed at its own line unless it named a better place.
    package static func of(_ error: PluginError, plugin: String, at line: ConfigLine) -> Self {
        switch error {
        case .file(let file, let number, let text): .error("\(plugin): \(text)", file: file, line: number)
        case .argument(let text), .missing(let text): .error("\(plugin): \(text)", at: line)
        }
    }

    /// The same, as a remark about a server that goes on.
    package var asWarning: Self { .warning(self.text, file: self.file, line: self.line) }

    /// The same, refusing the configuration if it is an error at all.
    package var asRefusal: Self {
        self.severity == .error ? .error(self.text, file: self.file, line: self.line) : self
    }

    /// `file:line: error: text`
    package var description: String {
        let place = self.line > 0 ? "\(self.file):\(self.line)" : self.file
        return PrintableText.escaped("\(place): \(self.severity.rawValue): \(self.text)")
    }
}

/// Why a configuration was refused; warnings are in the list too.
package struct ConfigProblems: Error, Sendable, CustomStringConvertible {
    package let list: [ConfigProblem]

    package init(_ list: [ConfigProblem]) {
        self.list = list
    }

    /// Whether any of them refuses the configuration.
    package var refuse: Bool { self.list.contains(where: \.refuses) }

    package var description: String {
        self.list.map(\.description).joined(separator: "\n")
    }
}

/// Texts from files on their way to a terminal or a log.
enum PrintableText {
    /// Control characters, which could move a terminal's cursor, as `\x1b`.
    static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: Self.isControl) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if Self.isControl(scalar) {
                let hex = String(scalar.value, radix: 16)
                result += "\\x" + (hex.count < 2 ? "0" + hex : hex)
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }
}
