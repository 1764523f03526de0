// UserFiles.swift
//
// Files of the operator: settings, tokens, saved screens, recordings.

import Glibc

/// Why a file cannot be used, in a line.
struct FileProblem: Error, Hashable, Sendable {
    var text: String

    init(_ text: String) { self.text = text }

    /// What the last system call said.
    init(_ path: String, errno code: Int32) {
        self.text = "\(ScreenText.plain(path)): \(String(cString: strerror(code)))"
    }
}

/// Reads and writes whole files.
enum UserFiles {
    /// Octets that a file may have.
    static let limit = 1 << 30

    /// `~/.config/qpconsole`, or what XDG_CONFIG_HOME says; `nil`: there is no home.
    static func folder(_ environment: [String: String]) -> String? {
        if let base = environment["XDG_CONFIG_HOME"], base.hasPrefix("/") { return base + "/qpconsole" }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return home + "/.config/qpconsole"
    }

    /// A file's text; `nil`: there is none. `isSecret`: nobody else may read it.
    static func read(_ path: String, isSecret: Bool = false) throws(FileProblem) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw FileProblem(path, errno: errno)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw FileProblem(path, errno: errno) }
        if isSecret, status.st_mode & 0o077 != 0 {
            throw FileProblem("\(ScreenText.plain(path)): others may read this file with secrets: chmod 600")
        }
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            if count == 0 { return String(decoding: octets, as: UTF8.self) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileProblem(path, errno: errno) }
            octets += buffer[..<count]
            guard octets.count <= Self.limit else { throw FileProblem("\(ScreenText.plain(path)): larger than 1 GB") }
        }
    }

    /// Writes a file that is not there yet, for its owner only.
    static func create(_ path: String, _ text: String) throws(FileProblem) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw FileProblem(path, errno: errno) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let code = errno
                close(file)
                unlink(path)
                throw FileProblem(path, errno: code)
            }
            rest = rest.dropFirst(count)
        }
        guard close(file) == 0 else { throw FileProblem(path, errno: errno) }
    }

    /// Puts a file in the place of another, or where none was, with its folder.
    static func replace(_ path: String, _ text: String) throws(FileProblem) {
        if let slash = path.lastIndex(of: "/") { Self.makeFolder(String(path[..<slash])) }
        let new = path + ".new"
        unlink(new)
        try Self.create(new, text)
        guard rename(new, path) == 0 else {
            let code = errno
            unlink(new)
            throw FileProblem(path, errno: code)
        }
    }

    /// What goes wrong shows when the file is written.
    private static func makeFolder(_ path: String) {
        guard mkdir(path, 0o700) != 0, errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex
        else { return }
        Self.makeFolder(String(path[..<slash]))
        mkdir(path, 0o700)
    }
}
