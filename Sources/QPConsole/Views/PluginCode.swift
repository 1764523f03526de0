// PluginCode.swift
//
// Names of plugins in three or five letters, for narrow columns.

import QPTelemetry

/// Short names of plugins, unique in their list.
enum PluginCode {
    /// A code of exactly `length` letters, digits and blanks at its end for each name. Well-known names keep their own;
    /// where two come to the same, later ones get a digit. The same list gets the same codes.
    static func codes(for names: [String], length: Int) -> [String: String] {
        var codes: [String: String] = [:]
        var given = Given(length: max(1, length))
        for name in names where codes[name] == nil && Self.isWellKnown(name) {
            codes[name] = given.add(Self.stem(name, length))
        }
        for name in names where codes[name] == nil { codes[name] = given.add(Self.stem(name, length)) }
        return codes
    }

    /// Codes that are taken.
    private struct Given {
        let length: Int
        private var codes: Set<String> = []
        /// The number that was tried last for a stem, so that many equal ones take no time.
        private var numbers: [String: Int] = [:]

        init(length: Int) { self.length = length }

        mutating func add(_ stem: String) -> String {
            var code = self.padded(stem)
            var number = self.numbers[stem] ?? 1
            while self.codes.contains(code) {
                number += 1
                let digits = String(number, radix: 36)
                // There is no further one.
                guard digits.utf8.count <= self.length else { break }
                code = self.padded(stem.prefix(self.length - digits.utf8.count) + digits)
            }
            self.numbers[stem] = number
            self.codes.insert(code)
            return code
        }

        private func padded(_ text: String) -> String {
            let text = text.prefix(self.length)
            return text + String(repeating: " ", count: self.length - text.count)
        }
    }

    /// The code that a name would like to have; ASCII, not empty, at most `length` letters.
    private static func stem(_ name: String, _ length: Int) -> String {
        let base = Self.base(name)
        if let known = PluginRegistry.find(lastPart: base) { return length <= 3 ? known.three : known.five }
        let words = base.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }.map(String.init)
        switch words.count {
        case 0: return length <= 3 ? "plg" : "plugi"
        case 1: return Self.short(words[0], length)
        case 2:
            let second = length < 5 ? Self.short(words[1], length - 1) : String(words[1].prefix(length / 2))
            return words[0].prefix(max(1, length - second.count)) + second
        default:
            guard length >= 5 else { return String(words.compactMap(\.first).prefix(length)) }
            return String((words[0].prefix(2) + words[1].prefix(2) + words[2].prefix(length - 4)).prefix(length))
        }
    }

    /// A word's first letter and the consonants after it; the word itself if these are too few, or it is short.
    private static func short(_ word: String, _ length: Int) -> String {
        guard word.count > length else { return word }
        let skeleton: Substring = word.prefix(1) + word.dropFirst().filter { !"aeiou".contains($0) }
        return String((skeleton.count >= length ? skeleton : word[...]).prefix(length))
    }

    /// The last part of a name, without instance and arguments.
    private static func base(_ name: String) -> String {
        // Nobody's plugin has so long a name; a server may say anything.
        let name = PluginNameForm.canonical(String(name.prefix(100))).lowercased()
        let word = name.split(separator: " ").first.map(String.init) ?? ""
        let last = word.split(separator: "/").last.map(String.init) ?? ""
        guard let colon = last.lastIndex(of: ":"), colon > last.startIndex else { return last }
        return String(last[..<colon])
    }

    /// Whether a name is itself in the registry, and not another instance of one that is.
    private static func isWellKnown(_ name: String) -> Bool {
        PluginRegistry.find(lastPart: Self.base(name)) != nil && !name.contains(":")
    }
}
