// HostileListTests.swift
//
// List files with everything that a file can have in it: refused with file and line, or taken; never a trap, and never
// an error that steers a terminal.

import QPHooks
import QPPlugins
import Testing

@testable import QPServer

struct HostileListTests {
    /// A file of a plugin, and the line that is refused; 0: it is taken.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let plugin: String
        let file: String
        let octets: [UInt8]
        let line: Int

        init(_ name: String, _ plugin: String, in file: String = "", octets: [UInt8], line: Int) {
            self.testDescription = "\(plugin): \(name)"
            self.plugin = plugin
            self.file = file.isEmpty ? plugin : file
            self.octets = octets
            self.line = line
        }

        init(_ name: String, _ plugin: String, in file: String = "", _ text: String, line: Int) {
            self.init(name, plugin, in: file, octets: Array(text.utf8), line: line)
        }
    }

    private static let huge = String(repeating: "a", count: 1 << 20)
    private static let deep = "^" + String(repeating: "(", count: 400)
    private static let hugePattern = "a@b\n^" + huge

    static let patterns: [Row] = [
        Row("no pattern", "badmailfrom", "a@x.example\n^(\n", line: 2),
        Row("a control octet in one", "badmailfrom", "\n# c\n^(\u{1B}[2J\n", line: 3),
        Row("NUL in one", "badmailfrom", "^a\0b(\n", line: 1), Row("NUL", "badmailfrom", "^a\0b\n\0\n@\0\n", line: 0),
        Row("invalid UTF-8", "badmailfrom", octets: [0xFF, 0xFE, 0x0A, 0xC0, 0x80, 0x40, 0x0A], line: 0),
        Row("invalid UTF-8 in a pattern", "badmailfrom", octets: [0x5E, 0xFF, 0x28, 0x0A], line: 1),
        Row("a huge word", "badmailfrom", Self.huge, line: 0),
        Row("a huge pattern", "badmailfrom", Self.hugePattern, line: 2),
        Row("catastrophic patterns", "badmailfrom", "^(a+)+$\n^(a|a)*b\n^(?=a)(a+)+$\n^(a+)+\\1$\n", line: 0),
        Row("a pattern of a million", "badmailfrom", "^(((a{255}){255}){255}){255}\n", line: 1),
        Row("too deep", "badrcptto", Self.deep, line: 1),
        Row("half a character", "badrcptto", "ok@x.example\n^\\C\n", line: 2),
        Row("a look behind without end", "badrcptto", "/(?<=a+)b/\n", line: 1),
        Row("no pattern", "helo", in: "badhelo", "good\n![\n", line: 2),
        Row("only a bang", "helo", in: "badhelo", "!\n", line: 0),
    ]

    static let others: [Row] = [
        Row("no constant", "rcpt_regexp", "^a@ DENY x\n^b@ \u{7}\n", line: 2),
        Row("one word", "rcpt_regexp", "^a@\n", line: 1), Row("no pattern", "rcpt_regexp", "( DENY\n", line: 1),
        Row("one word", "badmailfromto", "a@x.example b@y.example\nonly\n", line: 2),
        Row("NUL", "badmailfromto", "\0 \0\n", line: 0),
        Row("a path", "dnsbl", in: "dnsbl_zones", "bl.example\n<../../x@d>\n", line: 2),
        Row("a huge label", "dnsbl", in: "dnsbl_zones", Self.huge, line: 1),
        Row("control octets in a zone", "dnsbl", in: "dnsbl_zones", "\u{1B}[2J.example\n", line: 1),
        Row("control octets in a text", "dnsbl", in: "dnsbl_zones", "bl.example:\u{1B}[2J\0\n", line: 0),
        Row("no address", "dnsbl", in: "dnsbl_allow", "192.0.2.1\n300.1.1.1\n", line: 2),
        Row("a slash", "rhsbl", in: "rhsbl_zones", "/ text\n", line: 1),
        Row("NUL", "dns_whitelist_soft", in: "whitelist_zones", "w.example\n\0\n", line: 2),
        Row("no network", "resolvable_fromhost", in: "invalid_resolvable_fromhost", "10.0.0.0/999\n", line: 1),
        Row("no score", "karma", in: "karma_tlds", "info:-1\nbiz:\u{1}\n", line: 2),
        Row("a path", "karma", in: "karma_tlds", "../../x\n", line: 1),
    ]

    @Test("list files: what is wrong is refused with file and line", arguments: Self.patterns + Self.others)
    func lists(_ row: Row) {
        let folder = ConfigFolder([
            "me": "mx.example", "rcpthosts": "example.org", "plugins": "\(row.plugin)\nrcpt_ok\nqueue/discard\n",
        ])
        folder.write(row.file, row.octets)
        let store = ConfigStore(directory: folder.directory, catalogue: Server.catalogue(BundledPlugins.all))
        let problems: [ConfigProblem] =
            switch store.load() {
            case .success: []
            case .failure(let problems): problems.list.filter { $0.severity == .error }
            }
        guard row.line > 0 else {
            #expect(problems == [])
            return
        }
        #expect(problems.count == 1)
        let text = folder.short(problems.first?.description ?? "")
        #expect(text.hasPrefix("\(row.file):\(row.line): error: \(row.plugin): "), "\(text.prefix(200))")
        #expect(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F })
    }

    /// A list of exclusions is named in another file, with any path.
    @Test func exclusions() {
        let folder = ConfigFolder([
            "me": "mx.example", "rcpthosts": "example.org", "plugins": "greylisting\nrcpt_ok\nqueue/discard\n",
            "white": "192.0.2.1\n/(a+)+$/\n/(/\n",
        ])
        folder.write("greylist_exclude_files", "\(folder.path)/white\n../../escaped\n\0\n")
        let store = ConfigStore(directory: folder.directory, catalogue: Server.catalogue(BundledPlugins.all))
        guard case .failure(let problems) = store.load() else {
            Issue.record("it is taken")
            return
        }
        #expect(folder.short(problems.list).contains { $0.hasPrefix("white:3: error: greylisting: '(': ") })
    }
}
