// Message.swift
//
// A message: its bytes as they came (after unstuffing, RFC 5321 §4.5.2), and edits beside them.

/// A message. A value: what a handler holds does not change under it.
public struct Message: Sendable {
    package private(set) var storage: MessageStorage
    /// Fields added at the top, newest first: the usual edit, which needs no parsing.
    private var top: [UInt8] = []
    /// The header once it was edited in any other way.
    private var edited: HeaderSection?
    private var replacement: [UInt8]?

    package init(_ storage: MessageStorage) {
        self.storage = storage
    }

    /// The same edits on other octets with the same header: the whole message for its beginning.
    package func moved(to storage: MessageStorage) -> Self {
        var message = self
        message.storage = storage
        return message
    }

    /// Octets on the wire as they were received, header included.
    public var receivedSize: Int { self.storage.size }

    /// Where the body begins in the received octets; the whole size if there is no body.
    public var receivedHeaderSize: Int { self.storage.headerEnd }

    /// Octets of the body in wire form, without the blank line before it.
    public var bodySize: Int { self.replacement?.count ?? self.storage.size - self.storage.headerEnd }

    /// Whether the message lies in a file.
    public var isSpooled: Bool { self.storage.file != nil }

    /// The path of the spool file as received; `nil` for a message in memory.
    public var spoolPath: String? { self.storage.file?.path }

    /// Whether any octet is above 127, edits included.
    public var isEightBit: Bool {
        if self.hasEightBitHeader { return true }
        return self.replacement?.contains { $0 >= 0x80 } ?? self.storage.facts.has8BitBody
    }

    /// Whether any octet of the header is above 127, edits included.
    public var hasEightBitHeader: Bool {
        if let edited = self.edited { return edited.fields.contains { $0.bytes.contains { $0 >= 0x80 } } }
        return self.storage.facts.has8BitHeader || self.top.contains { $0 >= 0x80 }
    }

    /// What was seen while the message came in.
    public var facts: MessageFacts { self.storage.facts }

    /// The header with all edits.
    public var header: HeaderSection {
        var header = self.edited ?? self.storage.header
        if self.edited == nil, !self.top.isEmpty {
            header = HeaderSection(self.top + self.storage.headerBytes)
        }
        return header
    }

    package mutating func addHeader(_ name: String, _ value: String, at place: Int?) {
        if place == 0, self.edited == nil {
            var field = HeaderSection()
            field.add(name, value)
            self.top = field.serialized() + self.top
        } else {
            self.edit { $0.insert(name, value, at: place ?? $0.count) }
        }
    }

    /// Puts a whole field with its line end, which must be well-formed, above all others.
    package mutating func addTopField(_ field: [UInt8]) {
        if self.edited == nil {
            self.top = field + self.top
        } else {
            self.edit { $0 = HeaderSection(field + $0.serialized()) }
        }
    }

    package mutating func replaceHeader(_ name: String, index: Int, with value: String) {
        self.edit { header in
            let places = header.indices(of: name)
            if places.indices.contains(index) { header.replace(at: places[index], value) }
        }
    }

    package mutating func removeHeader(_ name: String, index: Int?) {
        self.edit { header in
            guard let index else { return _ = header.removeAll(name) }
            let places = header.indices(of: name)
            if places.indices.contains(index) { header.remove(at: places[index]) }
        }
    }

    package mutating func replaceBody(_ bytes: [UInt8]) {
        self.replacement = bytes
    }

    private mutating func edit(_ change: (inout HeaderSection) -> Void) {
        var header = self.header
        change(&header)
        self.edited = header
        self.top = []
    }

    /// What stands before the part that comes from storage: added and edited fields, and with a new body everything.
    package var front: [UInt8] {
        var front: [UInt8]
        if let edited = self.edited {
            front = edited.serialized()
            if self.storage.hasSeparator || self.replacement != nil || self.needsSeparator { front += [0x0D, 0x0A] }
        } else if self.replacement != nil {
            front = self.top + self.storage.headerBytes
            if !self.storage.hasSeparator { front += [0x0D, 0x0A] }
        } else {
            return self.needsSeparator ? self.top + [0x0D, 0x0A] : self.top
        }
        if let replacement = self.replacement { front += replacement }
        return front
    }

    /// Whether fields stand above a message that had no header: its first line must not look like one of them.
    private var needsSeparator: Bool {
        self.storage.isHeaderless && !(self.edited?.fields.isEmpty ?? self.top.isEmpty)
    }

    /// Where in storage the rest begins, which follows `front`.
    package var storageStart: Int {
        if self.replacement != nil { return self.storage.size }
        return self.edited == nil ? 0 : self.storage.headerEnd
    }

    /// Gives the whole message piece by piece. May read a file: do it off the event loop (`session.offload`) when
    /// `isSpooled`.
    /// - Throws: what the spool file's reading throws, and what `body` throws.
    public func forEachPiece(_ form: LineEndForm, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        var writer = PieceWriter(form: form)
        try self.front.withUnsafeBytes { try writer.write($0, body) }
        try self.storage.forEachPiece(from: self.storageStart) { try writer.write($0, body) }
        try writer.finish(body)
    }

    /// Gives the octets as they were received, edits left out. May read a file, like `forEachPiece`.
    /// - Throws: what the spool file's reading throws, and what `body` throws.
    public func forEachReceivedPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try self.storage.forEachPiece(from: 0, body)
    }

    /// The whole message in one array; for small messages.
    /// - Throws: what the spool file's reading throws.
    public func bytes(_ form: LineEndForm = .wire) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(self.storage.size + self.top.count)
        try self.forEachPiece(form) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Octets of the whole message in wire form, edits included.
    public var wireSize: Int { self.front.count + self.storage.size - self.storageStart }
}

/// What was seen while a message came in.
public struct MessageFacts: Sendable, Hashable {
    /// Octets above 127 in the header.
    public var has8BitHeader = false
    /// Octets above 127 in the body.
    public var has8BitBody = false
    /// NUL octets.
    public var hasNUL = false
    /// LF without CR before it.
    public var bareLF = 0
    /// CR without LF behind it.
    public var bareCR = 0
    /// Received and Delivered-To fields.
    public var hops = 0

    /// Nothing seen.
    public init() {}
}
