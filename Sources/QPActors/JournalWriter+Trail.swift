// JournalWriter+Trail.swift
//
// The runs of handlers as octets: those without an opinion in groups.

import QPHooks
import QPTelemetry

extension JournalWriter {
    // Most runs had no opinion and nothing else to tell: those of one hook, one behind the other, are written as a group of
    // two octets each, the way to the next plugin and the bucket of the duration. Every other run is written as it is.

    // The second eight octets of a record: plugin, text (16 bits each), hook, flags, verdict, bucket (8 bits each).
    private static let plainBits: UInt64 = 0x00FF_FF00_FFFF_0000
    private static let groupBits: UInt64 = 0x00FF_FFFF_FFFF_0000
    private static let runBits: UInt64 = 0x00FF_FFFF_FFFF_FFFF
    private static let plain = UInt64(ReturnCode.declined.rawValue) << 48

    /// Writes runs; gives the number of groups.
    private mutating func put(_ records: UnsafeBufferPointer<HookRecord>, _ lesson: inout Lesson) -> UInt16 {
        guard let first = records.baseAddress else { return 0 }
        let end = records.count
        let words = UnsafeRawPointer(first).assumingMemoryBound(to: UInt64.self)
        let marks = lesson.marks
        var groups: UInt16 = 0
        var index = 0
        while index < end {
            groups &+= 1
            let word = words[index &* 2 &+ 1]
            guard word & Self.plainBits == Self.plain else {
                self.put(alone: records[index], &lesson)
                index &+= 1
                continue
            }
            let out = (self.base + self.end).assumingMemoryBound(to: UInt8.self)
            Self.begin(out, word, offset: UInt32(truncatingIfNeeded: words[index &* 2]))
            var last = word & Self.runBits
            marks.ran(last, 1)
            index &+= 1
            let limit = min(end, index &+ 255)
            var next = UnsafeMutableRawPointer(out + 11)
            while index < limit {
                // Nearly always the next plugin on the same hook: as far as that goes nothing else is looked at.
                let first = index
                while index < limit, words[index &* 2 &+ 1] & Self.runBits == last &+ 1 {
                    last &+= 1
                    next.storeBytes(
                        of: UInt16(truncatingIfNeeded: words[index &* 2 &+ 1] >> 48) & 0xFF00 | 1, as: UInt16.self)
                    next += 2
                    index &+= 1
                }
                marks.ran(last, index &- first)
                guard index < limit else { break }
                let word = words[index &* 2 &+ 1]
                let step = UInt16(truncatingIfNeeded: word) &- UInt16(truncatingIfNeeded: last)
                guard (word ^ last) & Self.groupBits == 0, step < 256 else { break }
                last = word & Self.runBits
                next.storeBytes(of: UInt16(truncatingIfNeeded: word >> 48) & 0xFF00 | step, as: UInt16.self)
                next += 2
                marks.ran(last, 1)
                index &+= 1
            }
            let octets = next - UnsafeMutableRawPointer(out)
            out[10] = UInt8(truncatingIfNeeded: (octets &- 11) >> 1)
            self.end &+= octets
        }
        return groups
    }

    /// A run as it is.
    @inline(never)
    private mutating func put(alone record: HookRecord, _ lesson: inout Lesson) {
        self.put(UInt8(0))
        (self.base + self.end).storeBytes(of: record, as: HookRecord.self)
        self.end &+= MemoryLayout<HookRecord>.stride
        lesson.learn(record)
    }

    /// The head of a group: its kind, hook, first plugin, when that ended, its bucket, and how many runs follow.
    @inline(__always)
    private static func begin(_ out: UnsafeMutablePointer<UInt8>, _ word: UInt64, offset: UInt32) {
        let raw = UnsafeMutableRawPointer(out)
        out[0] = 1
        (raw + 1).storeBytes(of: UInt16(truncatingIfNeeded: word >> 32), as: UInt16.self)
        (raw + 3).storeBytes(of: UInt16(truncatingIfNeeded: word), as: UInt16.self)
        (raw + 5).storeBytes(of: offset, as: UInt32.self)
        out[9] = UInt8(truncatingIfNeeded: word >> 56)
    }

    private mutating func put(texts: [String]) {
        self.put(UInt16(truncatingIfNeeded: min(texts.count, 256)))
        var room = Self.trailTextLimit
        for text in texts.prefix(256) {
            let before = self.end
            self.put(text, limit: min(Self.textLimit, room))
            room &-= min(room, self.end &- before)
        }
    }

    mutating func put(_ trail: TrailPart) {
        self.put(trail.dropped)
        let place = self.end
        self.put(UInt16(0))
        var lesson = Lesson(marks: Marks(UnsafeMutableBufferPointer(start: nil, count: 0)))
        let groups = trail.records.withUnsafeBufferPointer { records in
            self.put(UnsafeBufferPointer(rebasing: records[..<min(records.count, Trail.limit)]), &lesson)
        }
        (self.base + place).storeBytes(of: groups, as: UInt16.self)
        self.put(texts: trail.texts)
    }

    /// The same, without taking anything out of the trail; the memory learns from it.
    mutating func put(_ trail: borrowing Trail, _ memory: SessionMemory?, _ names: [String]) {
        self.put(trail.dropped)
        let place = self.end
        self.put(UInt16(0))
        if let memory, memory.marks.count != names.count { memory.marks = Array(repeating: 0, count: names.count) }
        var groups: UInt16 = 0
        var none: [UInt8] = []
        let decider = Self.with(marksOf: memory, or: &none) { marks in
            var lesson = Lesson(marks: Marks(marks))
            trail.withPieces { first, second in
                groups = self.put(first, &lesson)
                if !second.isEmpty { groups &+= self.put(second, &lesson) }
            }
            return lesson.decider
        }
        if decider >= 0, decider < names.count { memory?.decidedBy = names[decider] }
        (self.base + place).storeBytes(of: groups, as: UInt16.self)
        if trail.texts.isEmpty { self.put(UInt16(0)) } else { self.put(texts: trail.texts) }
    }

    @inline(__always)
    private static func with(
        marksOf memory: SessionMemory?, or none: inout [UInt8], _ body: (UnsafeMutableBufferPointer<UInt8>) -> Int
    ) -> Int {
        guard let memory else { return none.withUnsafeMutableBufferPointer { body($0) } }
        return memory.marks.withUnsafeMutableBufferPointer { body($0) }
    }

    /// The strongest answer of each plugin, by slot.
    private struct Marks {
        let base: UnsafeMutablePointer<UInt8>?
        let count: Int

        init(_ marks: UnsafeMutableBufferPointer<UInt8>) {
            self.base = marks.baseAddress
            self.count = marks.count
        }

        /// Plugins one behind the other ran, the last of them as a record's second word says.
        @inline(__always)
        func ran(_ word: UInt64, _ count: Int) {
            let last = Int(word & 0xFFFF)
            guard let base = self.base, last < self.count, count <= last &+ 1 else { return }
            var slot = last &+ 1 &- count
            while slot <= last {
                if base[slot] == 0 { base[slot] = 1 }
                slot &+= 1
            }
        }
    }

    /// What a trail teaches: the strongest answer of each plugin, and who refused last.
    private struct Lesson {
        let marks: Marks
        var decider = -1

        mutating func learn(_ record: HookRecord) {
            let slot = Int(record.plugin)
            guard let base = self.marks.base, slot < self.marks.count else { return }
            base[slot] = max(base[slot], UInt8(truncatingIfNeeded: PluginMark.of(record).strength + 1))
            // deny and ok handlers only learn of an answer.
            if record.decidedRefusal { self.decider = slot }
        }
    }
}
