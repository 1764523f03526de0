// TokenFile.swift
//
// The file ~/.config/qpconsole/tokens: who we are for which server.

/// Tokens by server: a server and its token a line.
struct TokenFile: Hashable, Sendable {
    private var tokens: [String: String] = [:]

    /// No tokens.
    init() {}

    /// Reads a file. Errors never show what stands behind the server's name.
    init(_ text: String, file: String) throws(ConsoleSettings.Problem) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" }).map(String.init)
            guard let server = words.first, !server.hasPrefix("#") else { continue }
            guard words.count == 2 else {
                throw ConsoleSettings.Problem(file: file, line: index + 1, text: "a line is SERVER TOKEN")
            }
            guard words[1].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw ConsoleSettings.Problem(file: file, line: index + 1, text: "a token is letters, digits and signs")
            }
            self.tokens[server] = words[1]
        }
    }

    /// The token for a server, by the name that it is given, or how it is shown.
    subscript(_ names: String...) -> String? {
        for name in names { if let token = self.tokens[name] { return token } }
        return nil
    }
}
