// DotStuffer.swift
//
// RFC 5321 §4.5.2 (transparency), §4.1.1.4 (only CRLF ends a line)

import QPHooks

/// Brings a message into the form of DATA: dots doubled, and every CR or LF that stands alone made a CRLF, so that no
/// server behind us can find an end of the message where we saw none.
struct DotStuffer {
    /// What ends a line.
    private let lineEnd: [UInt8]
    private var isAtLineStart = true
    private var heldCR = false

    /// `form` says what lines end in: CRLF on the wire, LF for programs.
    init(_ form: LineEndForm = .wire) {
        self.lineEnd = form == .wire ? [0x0D, 0x0A] : [0x0A]
    }

    /// The next octets.
    mutating func encode(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + bytes.count / 32 + 2)
        for byte in bytes {
            if self.heldCR {
                self.heldCR = false
                self.endLine(&output)
                if byte == 0x0A { continue }
            }
            switch byte {
            case 0x0D: self.heldCR = true
            case 0x0A: self.endLine(&output)
            default:
                if self.isAtLineStart, byte == UInt8(ascii: ".") { output.append(byte) }
                output.append(byte)
                self.isAtLineStart = false
            }
        }
        return output
    }

    /// The end of the message.
    mutating func finish() -> [UInt8] {
        var output: [UInt8] = []
        if self.heldCR || !self.isAtLineStart { self.endLine(&output) }
        self.heldCR = false
        return output + [UInt8(ascii: ".")] + self.lineEnd
    }

    private mutating func endLine(_ output: inout [UInt8]) {
        output.append(contentsOf: self.lineEnd)
        self.isAtLineStart = true
    }
}
