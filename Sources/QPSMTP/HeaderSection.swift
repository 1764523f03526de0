// HeaderSection.swift
//
// RFC 5322 §2.1, §2.2; RFC 6532 §3.2

/// The header of a message as a list of fields, in their order and with their spelling.
///
/// Reading never fails: a line that is no field is kept as an opaque one.
public struct HeaderSection: Sendable, Hashable {
    /// One field, or an opaque line.
    public struct Field: Sendable, Hashable {
        /// The name as it was written; "" for an opaque line.
        public let name: String
        /// All octets of the field without the last line end: name, colon, value, folds.
        public let bytes: [UInt8]
        fileprivate let valueStart: Int

        /// Whether it is a line that is no field: no colon, no valid name, or a continuation of nothing.
        public var isOpaque: Bool {
            self.name.isEmpty
        }

        /// The octets after the colon as they are, folds included.
        public var rawValue: [UInt8] {
            Array(self.bytes[self.valueStart...])
        }

        /// The value unfolded (RFC 5322 §2.2.3) and without blanks at its ends; invalid UTF-8 is repaired.
        public var value: String {
            var out: [UInt8] = []
            out.reserveCapacity(self.bytes.count - self.valueStart)
            for byte in self.bytes[self.valueStart...] where byte != 0x0D && byte != 0x0A { out.append(byte) }
            let start = out.firstIndex { !ASCII.isBlank($0) } ?? out.endIndex
            let end = out.lastIndex { !ASCII.isBlank($0) }.map { $0 + 1 } ?? start
            return String(decoding: out[start..<max(start, end)], as: UTF8.self)
        }

        fileprivate init(_ bytes: [UInt8]) {
            let nameEnd = Self.nameEnd(bytes)
            self.name = nameEnd.map { String(decoding: bytes[..<$0.name], as: UTF8.self) } ?? ""
            self.valueStart = nameEnd.map { $0.colon + 1 } ?? 0
            self.bytes = bytes
        }

        /// Nil if the name is not valid. The value is made harmless: it cannot begin another field.
        fileprivate init?(name: String, value: [UInt8]) {
            guard FieldText.isName(name.utf8.span) else { return nil }
            let folded = FieldText.folded(value)
            var bytes = Array(name.utf8)
            bytes.append(UInt8(ascii: ":"))
            self.name = name
            self.valueStart = bytes.count
            if let first = folded.first, !ASCII.isBlank(first) { bytes.append(0x20) }
            self.bytes = bytes + folded
        }

        /// Blanks before the colon are obsolete and still read (RFC 5322 §4.5.8).
        private static func nameEnd(_ bytes: [UInt8]) -> (name: Int, colon: Int)? {
            guard let colon = bytes.firstIndex(where: { $0 == UInt8(ascii: ":") || $0 == 0x0A }),
                bytes[colon] == UInt8(ascii: ":"),
                let last = bytes[..<colon].lastIndex(where: { !ASCII.isBlank($0) }),
                FieldText.isName(bytes.span.extracting(0...last))
            else { return nil }
            return (last + 1, colon)
        }

        func hasName(_ wanted: String) -> Bool {
            let own = self.name.utf8.span
            let other = wanted.utf8.span
            guard own.count == other.count else { return false }
            for index in 0..<own.count where ASCII.lower(own[index]) != ASCII.lower(other[index]) { return false }
            return true
        }
    }

    /// The line end to write.
    public enum LineEnding: Sendable, Hashable, CaseIterable {
        /// As on the wire.
        case crlf
        /// As in a Maildir.
        case lf
    }

    /// The fields in their order.
    public private(set) var fields: [Field] = []

    /// A header without fields.
    public init() {}

    /// One whole field with its line end, in wire form, its value made safe; empty if the name is none.
    public static func field(_ name: String, _ value: String) -> [UInt8] {
        var section = HeaderSection()
        return section.add(name, value) ? section.serialized() : []
    }

    /// Reads octets up to the first empty line or their end; lines end with CRLF or LF.
    public init(_ bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { HeaderSection($0) }
    }

    /// Reads octets up to the first empty line or their end; lines end with CRLF or LF.
    public init(_ bytes: UnsafeRawBufferPointer) {
        var field: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let newline = bytes.firstIndex(of: 0x0A, from: start)
            let hasCR = newline.map { $0 > start && bytes[$0 - 1] == 0x0D } ?? false
            let end = (newline ?? bytes.count) - (hasCR ? 1 : 0)
            guard end > start else { break }

            if ASCII.isBlank(bytes[start]), !field.isEmpty {
                field.append(0x0D)
                field.append(0x0A)
            } else if !field.isEmpty {
                self.fields.append(Field(field))
                field = []
            }
            field.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            start = newline.map { $0 + 1 } ?? bytes.count
        }
        if !field.isEmpty { self.fields.append(Field(field)) }
    }

    /// Number of fields, opaque lines included.
    public var count: Int {
        self.fields.count
    }

    /// The first field of a name, in any case.
    public func first(_ name: String) -> Field? {
        self.fields.first { $0.hasName(name) }
    }

    /// All fields of a name, in any case.
    public func all(_ name: String) -> [Field] {
        self.fields.filter { $0.hasName(name) }
    }

    /// Number of fields of a name, in any case.
    public func count(_ name: String) -> Int {
        self.fields.count { $0.hasName(name) }
    }

    /// Where the fields of a name stand among all, in any case.
    public func indices(of name: String) -> [Int] {
        self.fields.indices.filter { self.fields[$0].hasName(name) }
    }

    /// The header with its line ends; without the empty line that separates it from the body.
    public func serialized(_ ending: LineEnding = .crlf) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(self.fields.reduce(0) { $0 + $1.bytes.count + 2 })
        for field in self.fields {
            switch ending {
            case .crlf:
                out += field.bytes
                out.append(0x0D)
            case .lf:
                out += Self.withoutCRBeforeLF(field.bytes)
            }
            out.append(0x0A)
        }
        return out
    }

    private static func withoutCRBeforeLF(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(0x0D) else { return bytes }
        return bytes.indices.compactMap { index in
            bytes[index] == 0x0D && index + 1 < bytes.count && bytes[index + 1] == 0x0A ? nil : bytes[index]
        }
    }
}

// MARK: - Changes

extension HeaderSection {
    /// Puts a field on top. False, and nothing done, if the name is not valid.
    @discardableResult
    public mutating func add(_ name: String, _ value: String) -> Bool {
        self.insert(name, value, at: 0)
    }

    /// Puts a field at the end. False, and nothing done, if the name is not valid.
    @discardableResult
    public mutating func append(_ name: String, _ value: String) -> Bool {
        self.insert(name, value, at: self.fields.count)
    }

    /// Puts a field before the one at an index; an index outside the list means its nearer end.
    ///
    /// Line breaks in the value become folds and control characters `?`, so no value begins another field. False, and
    /// nothing done, if the name is not valid.
    @discardableResult
    public mutating func insert(_ name: String, _ value: String, at index: Int) -> Bool {
        guard let field = Field(name: name, value: Array(value.utf8)) else { return false }
        let place = min(max(index, 0), self.fields.count)
        if place < self.fields.count { self.detachContinuation(at: place) }
        self.fields.insert(field, at: place)
        return true
    }

    /// A header may begin with a continuation of nothing. Below another field that line would become part of it, so it
    /// loses the blanks in front.
    private mutating func detachContinuation(at index: Int) {
        let bytes = self.fields[index].bytes
        guard let first = bytes.first, ASCII.isBlank(first) else { return }
        if let start = bytes.firstIndex(where: { !ASCII.isBlank($0) && $0 != 0x0D && $0 != 0x0A }) {
            self.fields[index] = Field(Array(bytes[start...]))
        } else {
            self.fields.remove(at: index)
        }
    }

    /// Gives the field at an index another value. False, and nothing done, if there is none or it is opaque.
    @discardableResult
    public mutating func replace(at index: Int, _ value: String) -> Bool {
        guard self.fields.indices.contains(index) else { return false }
        guard let field = Field(name: self.fields[index].name, value: Array(value.utf8)) else { return false }
        self.fields[index] = field
        return true
    }

    /// Gives the field at an index another name. False, and nothing done, if there is none or the name is not valid.
    @discardableResult
    public mutating func rename(at index: Int, to name: String) -> Bool {
        guard self.fields.indices.contains(index), !self.fields[index].isOpaque else { return false }
        guard let field = Field(name: name, value: self.fields[index].rawValue) else { return false }
        self.fields[index] = field
        return true
    }

    /// Takes the field at an index away. False if there is none.
    @discardableResult
    public mutating func remove(at index: Int) -> Bool {
        guard self.fields.indices.contains(index) else { return false }
        self.fields.remove(at: index)
        return true
    }

    /// Takes all fields of a name away, in any case; returns their number.
    @discardableResult
    public mutating func removeAll(_ name: String) -> Int {
        let before = self.fields.count
        self.fields.removeAll { $0.hasName(name) }
        return before - self.fields.count
    }
}
