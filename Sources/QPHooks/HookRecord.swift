// HookRecord.swift
//
// What remains of one run of one handler: 16 bytes, texts in a table beside.

/// One run of one handler.
public struct HookRecord: Sendable, Hashable, BitwiseCopyable {
    /// Nanoseconds since the session began, in units of 1,024; begins again after 73 minutes.
    public let offset: UInt32
    /// How long the handler took, in nanoseconds, saturating at 4.29 s; `bucket` goes on beyond.
    public let nanoseconds: UInt32
    /// The plugin's place in the generation's list.
    public let plugin: PluginSlot
    /// The place of its text in the trail's table; 0: none.
    public let text: UInt16
    @usableFromInline let hookAndFlags: UInt16
    @usableFromInline let verdictByte: UInt8
    /// The latency bucket (see `LatencyScale` of QPTelemetry).
    public let bucket: UInt8

    /// What else is known of a run.
    public struct Flags: OptionSet, Sendable, Hashable {
        /// One bit for each flag.
        public let rawValue: UInt8
        /// Makes a set out of bits; those without a name are kept.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// It ran beside, its answer was not applied.
        public static let shadow = Self(rawValue: 1)
        /// It threw.
        public static let threw = Self(rawValue: 2)
        /// It ran out of time.
        public static let timedOut = Self(rawValue: 4)
        /// It was not asked: its breaker is open, its failure policy answered.
        public static let breaker = Self(rawValue: 8)
        /// This answer ended the chain.
        public static let decided = Self(rawValue: 16)
    }

    /// The hook.
    public var hook: HookID { HookID(rawValue: UInt8(truncatingIfNeeded: self.hookAndFlags)) ?? .logging }
    /// The answer.
    public var verdict: ReturnCode { ReturnCode(rawValue: self.verdictByte) ?? .declined }
    /// What else is known.
    public var flags: Flags { Flags(rawValue: UInt8(truncatingIfNeeded: self.hookAndFlags >> 8)) }

    @inlinable
    package init(
        hook: HookID, plugin: PluginSlot, verdict: ReturnCode, flags: Flags, text: UInt16,
        offset: UInt32, nanoseconds: UInt32, bucket: UInt8
    ) {
        self.hookAndFlags = UInt16(hook.rawValue) | UInt16(flags.rawValue) << 8
        self.plugin = plugin
        self.verdictByte = verdict.rawValue
        self.text = text
        self.offset = offset
        self.nanoseconds = nanoseconds
        self.bucket = bucket
    }
}

/// The runs of a session, in order; the oldest go when there are too many.
public struct Trail: Sendable {
    /// The most runs a session keeps.
    public static let limit = 512
    /// The most texts a session keeps, and the most bytes of one.
    static let textLimit = 256, textBytes = 512

    private var storage: [HookRecord] = []
    private var start = 0
    package private(set) var texts: [String] = []
    /// How many runs were dropped because there were too many.
    public private(set) var dropped: UInt64 = 0

    package init() {}

    /// The runs, oldest first.
    public var records: [HookRecord] {
        self.start == 0 ? self.storage : Array(self.storage[self.start...] + self.storage[..<self.start])
    }

    /// The text of a run.
    public func text(of record: HookRecord) -> String {
        record.text == 0 || Int(record.text) > self.texts.count ? "" : self.texts[Int(record.text) - 1]
    }

    package mutating func append(_ record: HookRecord) {
        if self.storage.count < Self.limit {
            self.storage.append(record)
        } else {
            self.storage[self.start] = record
            self.start = (self.start + 1) % Self.limit
            self.dropped &+= 1
        }
    }

    /// Adds runs that a chain left in raw memory.
    package mutating func append(_ records: UnsafeMutablePointer<HookRecord>, _ count: Int) {
        guard count > 0 else { return }
        let room = Self.limit - self.storage.count
        guard room < count else {
            // A session that gets this far makes a mail: its trail grows at once, not in steps.
            if self.storage.count >= 16, self.storage.count + count > self.storage.capacity {
                self.storage.reserveCapacity(max(96, self.storage.capacity * 2))
            }
            return self.storage.append(contentsOf: UnsafeBufferPointer(start: records, count: count))
        }
        if room > 0 { self.storage.append(contentsOf: UnsafeBufferPointer(start: records, count: room)) }
        self.overwrite(records + room, min(count - room, Self.limit))
    }

    /// Puts runs in the place of the oldest, in at most two pieces.
    private mutating func overwrite(_ records: UnsafeMutablePointer<HookRecord>, _ count: Int) {
        let (start, first) = (self.start, min(count, Self.limit - self.start))
        self.storage.withUnsafeMutableBufferPointer { storage in
            guard let base = storage.baseAddress else { return }
            (base + start).update(from: records, count: first)
            base.update(from: records + first, count: count - first)
        }
        self.start = start + count >= Self.limit ? start + count - Self.limit : start + count
        self.dropped &+= UInt64(truncatingIfNeeded: count)
    }

    /// Puts a text aside; 0 if it is empty or there are too many. Equal neighbours share a place.
    package mutating func keep(_ text: String) -> UInt16 {
        guard !text.isEmpty else { return 0 }
        if self.texts.last == text { return UInt16(self.texts.count) }
        guard self.texts.count < Self.textLimit else { return 0 }
        self.texts.append(text.utf8.count <= Self.textBytes ? text : String(text.prefix(Self.textBytes / 4)))
        return UInt16(self.texts.count)
    }

    /// Forgets everything.
    package mutating func removeAll() { self = Trail() }

    /// Forgets the runs and texts, which somebody has taken; there will be more.
    package mutating func restart() {
        self.storage.removeAll(keepingCapacity: true)
        if !self.texts.isEmpty { self.texts.removeAll(keepingCapacity: true) }
        self.start = 0
        self.dropped = 0
    }

    /// How many runs there are.
    package var count: Int { self.storage.count }

    /// The runs where they lie, oldest first, in two pieces.
    package func withPieces(_ body: (UnsafeBufferPointer<HookRecord>, UnsafeBufferPointer<HookRecord>) -> Void) {
        self.storage.withUnsafeBufferPointer { all in
            body(UnsafeBufferPointer(rebasing: all[self.start...]), UnsafeBufferPointer(rebasing: all[..<self.start]))
        }
    }
}
