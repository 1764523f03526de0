// ConfigDirectoryTests.swift

import Glibc
import QPHooks
import Testing

@testable import QPServer

struct ConfigDirectoryTests {
    @Test("claim 25: a value is all lines of its file, without comments and empty ones") func format() {
        let folder = ConfigFolder(["a": "# comment\n\n  one # not a comment \r\n\t\n\ttwo\n   # three\nfour"])
        let content = folder.directory.read("a")
        #expect(content.lines.map(\.text) == ["one # not a comment", "two", "four"])
        #expect(content.lines.map(\.number) == [3, 5, 7])
        #expect(content.lines.allSatisfy { $0.file == "\(folder.path)/a" })
        #expect(content.problems.isEmpty)
    }

    @Test func missingFileIsEmpty() {
        let folder = ConfigFolder()
        let content = folder.directory.read("a")
        #expect(content.path == nil && content.lines.isEmpty && content.problems.isEmpty)
    }

    @Test func octetsThatAreNoText() {
        let folder = ConfigFolder()
        folder.write("a", [0xFF, 0x00, 0x41, 0x0A, 0xC3])
        #expect(folder.directory.read("a").lines.count == 2)
    }

    @Test func includes() {
        let folder = ConfigFolder([
            "a": "1\n  $include b\n$include d\n$includes stay\n2",
            "b": "b1\n$include c", "c": "c1",
            "d/2": "d2", "d/1": "d1", "d/.hidden": "no", "d/10": "d10",
        ])
        let content = folder.directory.read("a")
        #expect(content.lines.map(\.text) == ["1", "b1", "c1", "d1", "d10", "d2", "$includes stay", "2"])
        #expect(folder.short(content.lines.map(\.file).joined(separator: " ")) == "a b c d/1 d/10 d/2 a a")
        #expect(content.problems.isEmpty)
    }

    @Test func sameFileTwiceIsNoCycle() {
        let folder = ConfigFolder(["a": "$include b\n$include b", "b": "x"])
        #expect(folder.directory.read("a").lines.map(\.text) == ["x", "x"])
    }

    @Test func cycleCostsOnlyItsLine() {
        let folder = ConfigFolder(["a": "1\n$include b\n2", "b": "3\n$include a\n4"])
        symlink("\(folder.path)/a", "\(folder.path)/other")
        folder.write("c", "$include \(folder.path)/link\n5")
        symlink("\(folder.path)/c", "\(folder.path)/link")

        let content = folder.directory.read("a")
        #expect(content.lines.map(\.text) == ["1", "3", "4", "2"])
        #expect(folder.short(content.problems) == ["b:2: error: $include: a includes itself"])
        #expect(!ConfigProblems(content.problems).refuse)

        let linked = folder.directory.read("c")
        #expect(linked.lines.map(\.text) == ["5"])
        #expect(folder.short(linked.problems) == ["c:1: error: $include: link includes itself"])
    }

    @Test func badIncludes() {
        let folder = ConfigFolder(["a": "$include none\n$include\n1"])
        mkfifo("\(folder.path)/pipe", 0o600)
        folder.write("b", "$include pipe\n2")
        #expect(
            folder.short(folder.directory.read("a").problems) == [
                "a:1: error: $include: there is no none", "a:2: error: $include needs a file or directory",
            ])
        #expect(
            folder.short(folder.directory.read("b").problems) == [
                "b:1: error: $include: pipe cannot be read: not a regular file"
            ])
    }

    @Test func includesThatDoubleEnd() {
        let folder = ConfigFolder(["f30": "x"])
        for level in 0..<30 { folder.write("f\(level)", "$include f\(level + 1)\n$include f\(level + 1)\n") }
        let content = folder.directory.read("f0")
        #expect(content.lines.count <= ConfigContentReader.inclusions)
        #expect(content.problems.count == 1)
    }

    @Test func directoryIsNoFile() {
        let folder = ConfigFolder(["a/b": "x"])
        #expect(folder.short(folder.directory.read("a").problems) == ["a: error: cannot be read: not a regular file"])
    }

    @Test func qmailsFilesOnly() {
        let control = ConfigFolder(["rcpthosts": "q", "me": "q", "plugins": "q"])
        let folder = ConfigFolder(["me": "mine"])
        let directory = ConfigDirectory(folder.path + "/", qmailControl: control.path)
        #expect(directory.read("rcpthosts").lines.map(\.text) == ["q"])
        #expect(directory.read("me").lines.map(\.text) == ["mine"])
        #expect(directory.read("plugins").lines.isEmpty)
    }

    @Test func choice() {
        let folder = ConfigFolder(["config/me": "x", "bin/x": ""])
        let named = ["QPSMTPD_CONFIG": "/named", "QMAIL": "/q"]
        #expect(ConfigDirectory.choose("/given/", environment: named, program: nil).path == "/given")
        #expect(ConfigDirectory.choose(nil, environment: named, program: nil).path == "/named")
        #expect(ConfigDirectory.choose(nil, environment: named, program: nil).qmailControl == "/q/control")
        let near = ConfigDirectory.choose(nil, environment: [:], program: "\(folder.path)/bin/qpserver").path
        #expect(near == "\(folder.path)/bin/../config" || near == "config")
    }

    @Test func changesAreSeen() {
        let folder = ConfigFolder(["a": "$include b"])
        let content = folder.directory.read("a")
        #expect(!content.hasChanged)
        folder.write("b", "x")
        #expect(content.hasChanged)
    }
}

struct ConstantDatabaseTests {
    /// As the format's own maker lays it out.
    static func make(_ records: [(String, String)]) -> [UInt8] {
        let number = { (value: Int) in (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
        var body: [UInt8] = []
        var tables = [[(hash: UInt32, position: Int)]](repeating: [], count: 256)
        for (key, value) in records {
            let hash = ConstantDatabase.hash(Array(key.utf8))
            tables[Int(hash & 255)].append((hash, 2048 + body.count))
            body += number(key.utf8.count) + number(value.utf8.count) + Array(key.utf8) + Array(value.utf8)
        }
        var header: [UInt8] = []
        for table in tables {
            let count = table.count * 2
            header += number(2048 + body.count) + number(count)
            var slots = [(hash: UInt32, position: Int)](repeating: (0, 0), count: count)
            for entry in table {
                var slot = Int(entry.hash >> 8) % count
                while slots[slot].position != 0 { slot = (slot + 1) % count }
                slots[slot] = entry
            }
            for slot in slots { body += number(Int(slot.hash)) + number(slot.position) }
        }
        return header + body
    }

    @Test func lookups() throws {
        let folder = ConfigFolder()
        let records =
            (0..<2000).map { ("host\($0).example", "\($0)") } + [("", "empty"), ("twice", "1"), ("twice", "2")]
        folder.write("x.cdb", Self.make(records))
        let database = try #require(ConstantDatabase(path: "\(folder.path)/x.cdb"))
        for (key, value) in records.dropLast() { #expect(database.value(of: Array(key.utf8)) == Array(value.utf8)) }
        #expect(!database.contains("host2000.example"))
    }

    /// No damage may do worse than a wrong answer.
    @Test func damage() {
        let folder = ConfigFolder()
        let whole = Self.make([("a", "1"), ("b", "2"), ("c", "3")])
        for position in stride(from: 0, to: whole.count, by: 3) {
            var bytes = whole
            bytes[position] = 0xFF
            folder.write("x.cdb", bytes)
            for key in ["a", "b", "c", "d"] { _ = ConstantDatabase(path: "\(folder.path)/x.cdb")?.contains(key) }
            folder.write("x.cdb", Array(whole.prefix(position)))
            for key in ["a", "b", "c", "d"] { _ = ConstantDatabase(path: "\(folder.path)/x.cdb")?.contains(key) }
        }
    }

    @Test func notThere() {
        #expect(ConstantDatabase(path: "/nonexistent/x.cdb") == nil)
        #expect(!LiveConstantTable(paths: ["/nonexistent/x.cdb"]).contains("a"))
    }

    @Test func replacement() {
        let folder = ConfigFolder()
        let path = "\(folder.path)/x.cdb"
        let table = LiveConstantTable(paths: [path])
        folder.write("x.cdb", Self.make([("a", "")]))
        #expect(table.refresh() == nil && table.contains("a"))
        folder.write("y.cdb", Self.make([("b", "")]))
        rename("\(folder.path)/y.cdb", path)
        #expect(table.refresh() == nil && table.contains("b") && !table.contains("a"))
        folder.write("y.cdb", "short")
        rename("\(folder.path)/y.cdb", path)
        #expect(table.refresh()?.severity == .warning)
        #expect(table.contains("b"))
        #expect(table.refresh() == nil)
        folder.remove("x.cdb")
        #expect(table.refresh() == nil && !table.contains("b"))
    }
}
