// BadNames.swift
//
// Names that no client may give.

import QPHooks

/// config/badhelo
struct BadNames: Sendable {
    private var names: Set<String> = []
    private var patterns: [(pattern: ListPattern, isNegated: Bool)] = []

    init(_ file: ConfigFile) throws(PluginError) {
        for line in file.lines {
            let word = line.words.first ?? ""
            guard word.contains(where: { "{}[]()^$|*+?\\!".contains($0) }) else {
                self.names.insert(word.lowercased())
                continue
            }
            let isNegated = word.hasPrefix("!")
            let pattern = try line.pattern(isNegated ? String(word.dropFirst()) : word, ignoringCase: true)
            self.patterns.append((pattern, isNegated))
        }
    }

    /// Whether a name, in small letters, is listed.
    func contain(_ name: String, in session: SessionContext) -> Bool {
        self.names.contains(name)
            || self.patterns.contains {
                // What cannot be told is not held against anybody.
                $0.pattern.matches(name, in: session, otherwise: $0.isNegated) != $0.isNegated
            }
    }
}
