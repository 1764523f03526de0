// HeaderWatch.swift
//
// RFC 5322 §2.1, §2.2; RFC 5321 §6.3

/// Follows a header line by line as it arrives: where it ends, and how many hops it shows.
struct HeaderWatch: Sendable {
    private static let received: StaticString = "received:"
    private static let deliveredTo: StaticString = "delivered-to:"

    /// Octets of the current line so far, only exact up to the longest name looked for.
    private var column = 0
    /// The line consists of a single CR so far.
    private var isLoneCR = false
    private var mayBeReceived = true
    private var mayBeDeliveredTo = true

    private(set) var hops = 0
    private(set) var isComplete = false

    /// How many octets belong to the header; all, unless the empty line was among them.
    mutating func take(_ run: UnsafeRawBufferPointer) -> Int {
        var index = 0
        while index < run.count {
            // Past the names nothing matters but the end of the line.
            if self.column > 0, !self.isLoneCR, !self.mayBeReceived, !self.mayBeDeliveredTo {
                guard let end = run.firstIndex(of: 0x0A, from: index) else { return run.count }
                index = end
            }
            let byte = run[index]
            index += 1
            if byte == 0x0A {
                if self.column == 0 || self.isLoneCR {
                    self.isComplete = true
                    return index
                }
                self.startLine()
            } else {
                self.step(byte)
            }
        }
        return index
    }

    private mutating func startLine() {
        self.column = 0
        self.isLoneCR = false
        self.mayBeReceived = true
        self.mayBeDeliveredTo = true
    }

    private mutating func step(_ byte: UInt8) {
        self.isLoneCR = self.column == 0 && byte == 0x0D
        if self.mayBeReceived { self.mayBeReceived = self.follows(Self.received, byte) }
        if self.mayBeDeliveredTo { self.mayBeDeliveredTo = self.follows(Self.deliveredTo, byte) }
        self.column += 1
    }

    /// Whether the line may still become the name; its last octet, the colon, counts the hop.
    private mutating func follows(_ name: StaticString, _ byte: UInt8) -> Bool {
        let column = self.column
        let wanted = name.withUTF8Buffer { column < $0.count ? $0[column] : 0 }
        guard wanted == ASCII.lower(byte) else { return false }
        guard wanted == UInt8(ascii: ":") else { return true }
        self.hops = self.hops.saturatingSuccessor
        return false
    }
}
