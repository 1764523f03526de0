// TrailTests.swift
//
// What remains of the runs of a session.

import QPHooks
import Testing

@Suite("trail")
struct TrailTests {
    private func record(_ plugin: PluginSlot, text: UInt16 = 0) -> HookRecord {
        HookRecord(
            hook: .queuePost, plugin: plugin, verdict: .denysoft, flags: [.shadow, .decided], text: text,
            offset: 7, nanoseconds: 9, bucket: 3)
    }

    @Test func aRecordIsSmallAndWhole() {
        #expect(MemoryLayout<HookRecord>.size == 16)
        let record = self.record(65535, text: 5)
        #expect(record.hook == .queuePost)
        #expect(record.verdict == .denysoft)
        #expect(record.flags == [.shadow, .decided])
        #expect((record.plugin, record.text, record.offset, record.nanoseconds) == (65535, 5, 7, 9))
        for hook in HookID.allCases {
            for code in ReturnCode.allCases {
                let record = HookRecord(
                    hook: hook, plugin: 0, verdict: code, flags: [], text: 0, offset: 0, nanoseconds: 0, bucket: 0)
                #expect(record.hook == hook && record.verdict == code)
            }
        }
    }

    @Test func theOldestGo() {
        var trail = Trail()
        for number in 0..<PluginSlot(Trail.limit + 3) { trail.append(self.record(number)) }
        #expect(trail.records.count == Trail.limit)
        #expect(trail.records.first?.plugin == 3)
        #expect(trail.records.last?.plugin == PluginSlot(Trail.limit + 2))
        #expect(trail.dropped == 3)
        trail.removeAll()
        #expect(trail.records.isEmpty && trail.dropped == 0)
    }

    @Test func textsAreBounded() {
        var trail = Trail()
        #expect(trail.keep("") == 0)
        #expect(trail.keep("a") == 1)
        #expect(trail.keep("a") == 1)
        #expect(trail.text(of: self.record(0, text: 1)) == "a")
        #expect(trail.text(of: self.record(0, text: 99)).isEmpty)
        let long = trail.keep(String(repeating: "ü", count: 5000))
        #expect(trail.text(of: self.record(0, text: long)).utf8.count <= 512)
        for number in 0..<1000 { _ = trail.keep("text \(number)") }
        #expect(trail.keep("one more") == 0)
    }
}
