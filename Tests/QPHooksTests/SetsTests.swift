// SetsTests.swift
//
// Networks, domains, tables.

import QPHooks
import QPTestKit
import Testing

@Suite("sets")
struct SetsTests {
    @Test(
        arguments: [
            Row("address", "192.0.2.1", "192.0.2.1/32"), Row("network", "192.0.2.77/24", "192.0.2.0/24"),
            Row("prefix", "192.0.", "192.0.0.0/16"), Row("IPv6 prefix", "2001:db8:", "2001:db8::/32"),
            Row("seven groups", "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:0/112"),
            Row("IPv6 address", "2001:db8::", "2001:db8::/128"),
            Row("IPv6 in whole groups", "2001:0DB8", "2001:db8::/32"),
            Row("seven whole groups", "0001:0002:0003:0004:0005:0006:0007", "1:2:3:4:5:6:7:0/112"),
            Row("a group not written out", "2001:db8", nil), Row("one group", "2001", nil),
            Row("an empty group", "2001::", "2001::/128"), Row("no digits", "2001:0dbg", nil),
            Row("no dot at the end", "192.0", nil), Row("four numbers and a dot", "1.2.3.4.", nil),
            Row("a dot", ".", nil),
            Row("a colon", ":", nil), Row("too big", "256.", nil), Row("nothing", "", nil),
            Row("a name", "example.", nil),
        ] as [Row<String, String?>])
    func networks(_ row: Row<String, String?>) {
        #expect(NetworkSet.network(row.input)?.description == row.expected)
    }

    @Test func everythingIsANetworkToo() throws {
        var set = NetworkSet()
        #expect(set.isEmpty)
        set.insert(try #require(Network("0.0.0.0/0")))
        #expect(set.contains(try #require(IPAddress("203.0.113.1"))))
        #expect(!set.contains(try #require(IPAddress("2001:db8::1"))))
    }

    @Test(arguments: [
        Row("listed", "a.example", true), Row("below a suffix", "x.y.suffix.example", true),
        Row("the suffix", "suffix.example", false), Row("U-label", "xn--bcher-kva.example", true),
        Row("empty", "", false),
        Row("another", "b.example", false), Row("dots", "...", false),
    ])
    func domains(_ row: Row<String, Bool>) {
        let set = DomainSet(["A.example", ".Suffix.example", "bücher.example", "", "."])
        #expect(set.contains(row.input) == row.expected)
    }

    /// Answers with the content of a table.
    struct Reader: Plugin {
        static let name = "reader"
        static let manual = "reader"
        let table: ConfigTable<[String]>

        init(_ setup: PluginSetup) throws(PluginError) {
            self.table = try setup.table("list") { file throws(PluginError) in
                if let line = file.lines.first(where: { $0.text == "bad" }) { throw line.error("is bad") }
                return file.lines.map(\.text)
            }
        }

        func register(on hooks: inout HookTable) {
            hooks.on(.connect) { _, session in .ok(self.table.content(in: session).joined(separator: ",")) }
            hooks.on(.preConnection) { _, arrival in .ok(self.table.content(in: arrival).joined(separator: ",")) }
        }
    }

    @Test func aSessionKeepsItsTables() async throws {
        let harness = try PluginHarness(Reader.self, files: ["list": "# comment\n\n  a  \nb # no comment"])
        #expect(try await harness.run(.connect).text == "a,b # no comment")
        try harness.replace("list", with: "c")
        #expect(try await harness.run(.connect).text == "a,b # no comment")
        harness.connect()
        #expect(try await harness.run(.connect).text == "c")
        let event = ArrivalEvent(maxConnectionsPerAddress: 1, liveAddresses: FakeLiveAddresses())
        #expect(try await harness.run(.preConnection, event).text == "c")
        #expect(throws: PluginError.file("list", line: 2, "is bad")) { try harness.replace("list", with: "x\nbad") }
    }

    @Test func theLevelArgument() throws {
        struct Loud: Plugin {
            static let name = "loud"
            static let manual = "loud"
            init(_ setup: PluginSetup) throws(PluginError) { _ = try setup.keyedArguments(["a"]) }
            func register(on hooks: inout HookTable) {}
        }
        let harness = try PluginHarness(Loud.self, arguments: ["loglevel", "-2", "a", "1"])
        harness.session.log.info("x")
        #expect(harness.log.lines == ["LOGWARN x"])
        #expect(throws: PluginError.self) { try PluginHarness(Loud.self, arguments: ["loglevel", "high"]) }
    }

    @Test func sharedValues() {
        let shared = SharedValues()
        let config = MemoryConfig(me: "m", files: [:], constants: [:])
        let setups = (0..<2).map { _ in PluginSetup(name: "a", arguments: [], source: config, shared: shared) }
        let key = StorageKey<Int>("n")
        #expect(setups[0].shared(key) { 1 } == 1)
        #expect(setups[1].shared(key) { 2 } == 1)
    }
}
