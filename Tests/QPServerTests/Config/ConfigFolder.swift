// ConfigFolder.swift
//
// A configuration directory for one test.

import Glibc
import QPHooks

@testable import QPServer

/// Made empty, removed with all it holds.
final class ConfigFolder {
    let path: String

    init(_ files: [String: String] = [:]) {
        var template = Array("/tmp/qp-config-XXXXXX".utf8CString)
        _ = mkdtemp(&template)
        self.path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for (name, text) in files { self.write(name, text) }
    }

    deinit { Self.remove(self.path) }

    var directory: ConfigDirectory { ConfigDirectory(self.path) }

    func write(_ name: String, _ text: String) { self.write(name, Array(text.utf8)) }

    func write(_ name: String, _ bytes: [UInt8]) {
        let folder = name.split(separator: "/").dropLast().joined(separator: "/")
        if !folder.isEmpty { mkdir("\(self.path)/\(folder)", 0o755) }
        guard let file = fopen("\(self.path)/\(name)", "w") else { return }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    /// As editors save: a new file is moved over the old one.
    func replace(_ name: String, _ text: String) {
        self.write(".\(name).new", text)
        rename("\(self.path)/.\(name).new", "\(self.path)/\(name)")
    }

    func remove(_ name: String) { unlink("\(self.path)/\(name)") }

    /// The paths in a text as names.
    func short(_ text: String) -> String {
        var text = text
        while let range = text.firstRange(of: "\(self.path)/") { text.removeSubrange(range) }
        return text
    }

    func short(_ problems: [ConfigProblem]) -> [String] { problems.map { self.short($0.description) } }

    private static func remove(_ path: String) {
        if let stream = opendir(path) {
            var names: [String] = []
            while let entry = readdir(stream) {
                names.append(
                    withUnsafeBytes(of: &entry.pointee.d_name) {
                        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                    })
            }
            closedir(stream)
            for name in names where name != "." && name != ".." {
                var status = stat()
                lstat("\(path)/\(name)", &status)
                if status.st_mode & S_IFMT == S_IFDIR {
                    Self.remove("\(path)/\(name)")
                } else {
                    unlink("\(path)/\(name)")
                }
            }
        }
        rmdir(path)
    }
}
