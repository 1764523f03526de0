// LogRowText.swift
//
// RFC 8259: a line of the log as JSON, for those who follow the log: the same octets as JSONText's encoder writes, for a
// small part of its time.

import NIOCore
import QPTelemetry

extension LogRow {
    func write(to buffer: inout ByteBuffer) {
        // Names in the order of the alphabet.
        buffer.writeString("{\"fields\":{")
        // Most lines have none or few.
        for (index, (name, value)) in self.fields.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { buffer.writeInteger(UInt8(ascii: ",")) }
            Self.write(name, to: &buffer)
            buffer.writeInteger(UInt8(ascii: ":"))
            Self.write(value, to: &buffer)
        }
        buffer.writeString("}")
        Self.write("hook", self.hook, to: &buffer)
        Self.write("level", self.level, to: &buffer)
        Self.write("plugin", self.plugin, to: &buffer)
        buffer.writeString(",\"sequence\":\(self.sequence)")
        Self.write("session", self.session, to: &buffer)
        Self.write("text", self.text, to: &buffer)
        buffer.writeString(",\"time\":\(Self.number(self.time)),\"transaction\":\(self.transaction)}")
    }

    /// A member with a name that needs no escapes, behind others; nothing if there is no value.
    private static func write(_ name: StaticString, _ value: String?, to buffer: inout ByteBuffer) {
        guard let value else { return }
        buffer.writeString(",\"")
        buffer.writeStaticString(name)
        buffer.writeString("\":")
        Self.write(value, to: &buffer)
    }

    /// Whole numbers without a fraction; what JSON has no number for, as a text.
    private static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "\"nan\"" : value < 0 ? "\"-inf\"" : "\"inf\"" }
        let text = value.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func write(_ text: String, to buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(ascii: "\""))
        if text.utf8.contains(where: Self.isEscaped) {
            for scalar in text.unicodeScalars {
                if scalar.value < 0x7F {
                    Self.write(UInt8(truncatingIfNeeded: scalar.value), to: &buffer)
                } else {
                    buffer.writeBytes(JSONText.plain(scalar))
                }
            }
        } else {
            buffer.writeString(text)
        }
        buffer.writeInteger(UInt8(ascii: "\""))
    }

    /// RFC 8259 §7: quotation mark, backslash, control characters; and what has to be looked at.
    private static func isEscaped(_ octet: UInt8) -> Bool {
        octet < 0x20 || octet >= 0x7F || octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\")
    }

    private static func write(_ octet: UInt8, to buffer: inout ByteBuffer) {
        switch octet {
        case UInt8(ascii: "\""): buffer.writeString("\\\"")
        case UInt8(ascii: "\\"): buffer.writeString("\\\\")
        case 0x08: buffer.writeString("\\b")
        case 0x09: buffer.writeString("\\t")
        case 0x0A: buffer.writeString("\\n")
        case 0x0C: buffer.writeString("\\f")
        case 0x0D: buffer.writeString("\\r")
        case ..<0x20: buffer.writeString((octet < 0x10 ? "\\u000" : "\\u00") + String(octet, radix: 16))
        default: buffer.writeInteger(octet)
        }
    }
}
