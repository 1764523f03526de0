// BadNames.swift
//
// Names that no client may give.

import QPHooks

/// config/badhelo
struct BadNames: Sendable {
    private var names: Set<String> = []
    private var patterns: [(pattern: TextPattern, isNegated: Bool)] = []

    init(_ file: ConfigFile) throws(PluginError) {
        for line in file.lines {
            let word = line.words.first ?? ""
            guard word.contains(where: { "{}[]()^$|*+?\\!".contains($0) }) else {
                self.names.insert(word.lowercased())
                continue
            }
            let isNegated = word.hasPrefix("!")
            do {
                let pattern = try TextPattern(isNegated ? String(word.dropFirst()) : word, ignoringCase: true)
                self.patterns.append((pattern, isNegated))
            } catch {
                throw line.error("'\(word)': \(error)")
            }
        }
    }

    /// Whether a name, in small letters, is listed.
    func contain(_ name: String) -> Bool {
        self.names.contains(name) || self.patterns.contains { $0.pattern.matches(name) != $0.isNegated }
    }
}
