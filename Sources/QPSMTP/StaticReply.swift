// StaticReply.swift
//
// RFC 5321 §4.2

/// A reply that never changes, kept in its wire form.
public struct StaticReply: Sendable, CustomStringConvertible {
    private let wire: StaticString

    /// - Parameter wire: complete lines with code and CRLF, such as `"250 2.0.0 OK\r\n"`.
    public init(_ wire: StaticString) {
        self.wire = wire
    }

    /// The first three digits; 0 when the text does not begin with them.
    public var code: Int {
        self.wire.withUTF8Buffer { bytes in
            guard bytes.count >= 3 else { return 0 }
            return bytes.prefix(3).reduce(0) { code, byte in
                byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? code * 10 + Int(byte - UInt8(ascii: "0")) : 0
            }
        }
    }

    /// The wire form, CRLF included.
    public var description: String {
        self.wire.description
    }

    /// Appends the wire form.
    public func append(to out: inout [UInt8]) {
        self.wire.withUTF8Buffer { out.append(contentsOf: $0) }
    }
}
