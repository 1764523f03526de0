// ConfigHistoryTests.swift
//
// What configurations were made from, and how that differs.

import QPActors
import QPHooks
import QPTelemetry
import QPTestKit
import Testing

@testable import QPServer

@Suite struct ConfigHistoryTests {
    private let folder = ScratchFolder()
    private let history: ConfigHistory

    init() {
        self.history = ConfigHistory(folder: self.folder.path)
    }

    private func load(_ number: Int, _ names: [String]) {
        let generation = Generation(
            number: number, settings: EngineHarness.quietSettings, plugins: [], hookTables: [], tables: .empty)
        self.history.loaded(
            generation, warnings: ["w\(number)"], paths: names.map { self.folder($0) }, at: Int64(number))
    }

    /// A file before and after, and what differs: of the running one, seen from the disk.
    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let running: String?
        let disk: String?
        let removed: [String]
        let added: [String]
    }

    static let samples = [
        Sample(testDescription: "the same", running: "a\nb\n", disk: "a\nb\n", removed: [], added: []),
        Sample(testDescription: "a line more", running: "a\nb\nc\n", disk: "a\nc\n", removed: [], added: ["b"]),
        Sample(testDescription: "a line less", running: "a\n", disk: "a\nb\n", removed: ["b"], added: []),
        Sample(testDescription: "another line", running: "x\nb\n", disk: "a\nb\n", removed: ["a"], added: ["x"]),
        Sample(testDescription: "the order", running: "b\na\n", disk: "a\nb\n", removed: ["a"], added: ["a"]),
        Sample(testDescription: "it has gone", running: "a", disk: nil, removed: [], added: ["a"]),
        Sample(testDescription: "it has come", running: nil, disk: "a", removed: ["a"], added: []),
        Sample(testDescription: "it is nowhere", running: nil, disk: nil, removed: [], added: []),
    ]

    @Test(arguments: samples)
    func fromTheDisk(_ sample: Sample) {
        if let text = sample.running { self.folder.replace("file", text) }
        self.load(1, ["file"])
        if let text = sample.disk {
            self.folder.replace("file", text)
        } else {
            FileWork.removeTree(self.folder("file"))
        }
        let difference = self.history.difference(of: 1, from: nil)
        if sample.removed.isEmpty, sample.added.isEmpty {
            #expect(difference == [] && self.history.changed(since: 1) == [])
        } else {
            #expect(difference == [FileDifference(file: "file", removed: sample.removed, added: sample.added)])
            #expect(self.history.changed(since: 1) == ["file"])
        }
    }

    @Test func betweenConfigurations() {
        self.folder.replace("a", "1\n")
        self.load(1, ["a"])
        self.folder.replace("a", "2\n")
        self.folder.replace("b", "x\n")
        self.load(2, ["a", "b", "a"])
        #expect(
            self.history.difference(of: 2, from: 1) == [
                FileDifference(file: "a", removed: ["1"], added: ["2"]),
                FileDifference(file: "b", removed: [], added: ["x", ""]),
            ])
        #expect(self.history.difference(of: 2, from: 2) == [])
        #expect(self.history.difference(of: 2, from: 3) == nil)
        #expect(self.history.difference(of: 3, from: nil) == nil)
        #expect(self.history.changed(since: 3) == [])
    }

    /// Hashes of tokens are nobody's business; what is huge is not kept.
    @Test func whatIsNotShown() {
        for name in AdminConfig.names { self.folder.replace(name, "admin me secret\n") }
        self.folder.replace("large", String(repeating: "x\n", count: 200_000))
        self.load(1, AdminConfig.names + ["large"])
        for name in AdminConfig.names + ["large"] { self.folder.replace(name, "other\n") }
        let difference = self.history.difference(of: 1, from: nil) ?? []
        #expect(difference.map(\.file) == ["large"])
        #expect(difference.allSatisfy { $0.added.isEmpty })
    }

    @Test func whatIsRemembered() {
        for number in 1...12 { self.load(number, []) }
        let rows = self.history.rows(current: 12, available: [3, 10, 11, 12], changedFiles: [])
        #expect(rows.generations.map(\.number) == [12, 11, 10])
        #expect(rows.generations.map(\.isCurrent) == [true, false, false])
        #expect(rows.generations.first?.warnings == ["w12"])
        self.history.refused(["plugins:1: error: no"], at: 99_000_000_000)
        let refused = self.history.rows(current: 12, available: [], changedFiles: ["plugins"])
        #expect(refused.refusal == ["plugins:1: error: no"] && refused.refusedAt == 99)
        #expect(refused.changedFiles == ["plugins"])
        self.history.wentBack()
        #expect(self.history.rows(current: 11, available: [], changedFiles: []).refusal == [])
        #expect(self.history.state.succeeded == 12 && self.history.state.failed == 1)
    }
}
