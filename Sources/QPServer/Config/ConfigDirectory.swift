// ConfigDirectory.swift
//
// Where configuration files are found, and their common form: a value a line, `#` comments, `$include`.

import Glibc
package import QPHooks

/// A configuration directory.
package struct ConfigDirectory: Sendable, Hashable {
    /// The directory itself, without a final slash.
    package let path: String
    /// qmail's own directory, which is asked for the files that qmail has too.
    let qmailControl: String?

    package init(_ path: String, qmailControl: String? = nil) {
        self.path = Self.withoutFinalSlash(path)
        self.qmailControl = qmailControl.map(Self.withoutFinalSlash)
    }

    /// Chooses the directory: the one asked for, `$QPSMTPD_CONFIG`, `./config`, then `config` near the program.
    package static func choose(
        _ given: String?, environment: [String: String], program: String?
    ) -> ConfigDirectory {
        let control = "\(environment["QMAIL"].flatMap { $0.isEmpty ? nil : $0 } ?? "/var/qmail")/control"
        if let given { return Self(given, qmailControl: control) }
        if let named = environment["QPSMTPD_CONFIG"], !named.isEmpty { return Self(named, qmailControl: control) }
        var candidates = ["config"]
        if let program, let slash = program.lastIndex(of: "/") {
            let folder = program[..<slash]
            candidates += ["\(folder)/config", "\(folder)/../config"]
        }
        let found = candidates.first(where: ConfigFileReader.isDirectory) ?? "config"
        return Self(found, qmailControl: control)
    }

    /// The files that qmail-smtpd keeps in its control directory under the same name with the same meaning.
    static let qmailNames: Set<String> = [
        "badmailfrom", "databytes", "me", "morercpthosts.cdb", "rcpthosts", "smtpgreeting", "timeoutsmtpd",
    ]

    /// Where a name is looked for, best first.
    func candidates(_ name: String) -> [String] {
        if name.hasPrefix("/") { return [name] }
        var paths = ["\(self.path)/\(name)"]
        if let control = self.qmailControl, Self.qmailNames.contains(name) { paths.append("\(control)/\(name)") }
        return paths
    }

    /// Where a file is, if it is anywhere.
    package func location(of name: String) -> String? {
        self.candidates(name).first { ConfigFileStamp.now($0) != nil }
    }

    /// Reads a file and all it includes; a missing one is empty.
    package func read(_ name: String) -> ConfigContent {
        var reader = ConfigContentReader(directory: self)
        reader.read(name)
        return reader.content
    }

    private static func withoutFinalSlash(_ path: String) -> String {
        var path = path
        while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        return path
    }
}

/// A configuration file with everything it includes.
package struct ConfigContent: Sendable, Hashable {
    /// Where it is; `nil`: nowhere.
    package internal(set) var path: String?
    /// Its lines, comments and blank ones dropped.
    package internal(set) var lines: [ConfigLine] = []
    /// What could not be read.
    package internal(set) var problems: [ConfigProblem] = []
    /// Every file that was looked for.
    package internal(set) var sources: [ConfigFileSource] = []

    /// Whether anything would be read differently now.
    var hasChanged: Bool { self.sources.contains(where: \.hasChanged) }
}

/// Follows `$include`.
struct ConfigContentReader {
    /// Octets of a file with all it includes, and how many inclusions there may be: files that include each other
    /// twice double with every level.
    static let totalBytes = 128 << 20
    static let inclusions = 10_000
    static let depth = 64

    let directory: ConfigDirectory
    private(set) var content = ConfigContent()
    private var open: [ConfigFileStamp] = []
    private var bytesLeft = Self.totalBytes
    private var inclusionsLeft = Self.inclusions

    init(directory: ConfigDirectory) {
        self.directory = directory
    }

    mutating func read(_ name: String) {
        for path in self.directory.candidates(name) {
            switch ConfigFileReader.read(path) {
            case .content(let bytes, let stamp):
                self.content.path = path
                self.append(bytes, path: path, stamp: stamp)
                return
            case .missing:
                self.content.sources.append(ConfigFileSource(path: path, stamp: nil))
            case .failed(let text):
                self.content.sources.append(ConfigFileSource(path: path, stamp: ConfigFileStamp.now(path)))
                self.content.problems.append(.error("cannot be read: \(text)", file: path))
                return
            }
        }
    }

    private mutating func append(_ bytes: [UInt8], path: String, stamp: ConfigFileStamp) {
        self.content.sources.append(ConfigFileSource(path: path, stamp: stamp))
        self.bytesLeft -= bytes.count
        self.open.append(stamp)
        defer { self.open.removeLast() }

        var number = 0
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            number += 1
            if let text = Self.line(bytes[start..<end]) {
                self.take(ConfigLine(text: text, file: path, number: number))
            }
            start = end + 1
        }
    }

    private mutating func take(_ line: ConfigLine) {
        let keyword = "$include"
        guard line.text.hasPrefix(keyword) else {
            self.content.lines.append(line)
            return
        }
        let rest = line.text.utf8.dropFirst(keyword.utf8.count)
        guard let first = rest.first, Self.isBlank(first) else {
            if rest.isEmpty {
                self.content.problems.append(.dropped("$include needs a file or directory", at: line))
            } else {
                self.content.lines.append(line)
            }
            return
        }
        self.include(String(decoding: rest.drop(while: Self.isBlank), as: UTF8.self), at: line)
    }

    private mutating func include(_ target: String, at line: ConfigLine) {
        let candidates = self.directory.candidates(target)
        for path in candidates {
            guard ConfigFileReader.isDirectory(path) else {
                if self.includeFile(path, at: line) { return }
                continue
            }
            self.content.sources.append(ConfigFileSource(path: path, stamp: ConfigFileStamp.now(path)))
            guard let names = ConfigFileReader.regularFiles(in: path) else {
                self.content.problems.append(.dropped("$include: \(path) cannot be read", at: line))
                return
            }
            for name in names { _ = self.includeFile("\(path)/\(name)", at: line) }
            return
        }
        self.content.problems.append(.dropped("$include: there is no \(target)", at: line))
    }

    /// False: there is no such file.
    private mutating func includeFile(_ path: String, at line: ConfigLine) -> Bool {
        self.inclusionsLeft -= 1
        guard self.inclusionsLeft >= 0, self.bytesLeft > 0, self.open.count < Self.depth else {
            // Said once; every further inclusion fails in silence.
            if self.inclusionsLeft > -Self.inclusions {
                self.content.problems.append(.dropped("$include: too much is included here", at: line))
                self.inclusionsLeft = -Self.inclusions
            }
            return true
        }
        switch ConfigFileReader.read(path) {
        case .content(let bytes, let stamp):
            guard !self.open.contains(where: { $0.device == stamp.device && $0.inode == stamp.inode }) else {
                self.content.problems.append(.dropped("$include: \(path) includes itself", at: line))
                return true
            }
            self.append(bytes, path: path, stamp: stamp)
        case .missing:
            self.content.sources.append(ConfigFileSource(path: path, stamp: nil))
            return false
        case .failed(let text):
            self.content.sources.append(ConfigFileSource(path: path, stamp: ConfigFileStamp.now(path)))
            self.content.problems.append(.dropped("$include: \(path) cannot be read: \(text)", at: line))
        }
        return true
    }

    /// The text of a line that says something.
    private static func line(_ bytes: ArraySlice<UInt8>) -> String? {
        var rest = bytes.drop(while: Self.isBlank)
        while let last = rest.last, Self.isBlank(last) { rest.removeLast() }
        guard let first = rest.first, first != UInt8(ascii: "#") else { return nil }
        return String(decoding: rest, as: UTF8.self)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
