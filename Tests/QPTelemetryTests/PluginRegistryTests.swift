// PluginRegistryTests.swift

import Testing

@testable import QPTelemetry

struct PluginRegistryTests {
    private static let all = PluginRegistry.all

    @Test func everyLineIsRead() {
        #expect(Self.all.count == PluginRegistry.list.split(separator: "\n").count)
        #expect(Self.all.count >= 85)
        #expect(Self.all.map(\.id) == Self.all.map(\.id).sorted())
    }

    @Test func nothingIsThereTwice() {
        let names = Self.all.flatMap { [$0.name] + $0.aliases }
        #expect(Set(names).count == names.count)
        #expect(Set(names.map(PluginRegistry.lastPart)).count == names.count)
        #expect(Set(Self.all.map(\.id)).count == Self.all.count)
        #expect(Set(Self.all.map(\.three)).count == Self.all.count)
        #expect(Set(Self.all.map(\.five)).count == Self.all.count)
    }

    @Test func codesAreWellMade() {
        for entry in Self.all {
            #expect(entry.three.utf8.count == 3, "\(entry.name)")
            #expect((3...5).contains(entry.five.utf8.count), "\(entry.name)")
            for letter in (entry.three + entry.five).utf8 {
                #expect((0x30...0x39).contains(letter) || (0x61...0x7A).contains(letter), "\(entry.name)")
            }
        }
    }

    @Test(arguments: [
        ("relay", "relay"), ("check_relay", "relay"), ("queue/maildir", "queue/maildir"), ("maildir", nil),
        ("nonsense", nil), ("", nil),
    ])
    func names(_ name: String, _ expected: String?) {
        #expect(PluginRegistry.find(name)?.name == expected)
    }

    @Test func namesWithoutFolders() {
        #expect(PluginRegistry.find(lastPart: "maildir")?.name == "queue/maildir")
        #expect(PluginRegistry.find(lastPart: "queue/maildir") == nil)
    }
}
