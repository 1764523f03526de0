// Message+Test.swift
//
// Messages and addresses out of texts.

public import QPHooks

extension Message {
    /// A message out of a text whose lines end in LF, as it would have come over the wire. `pieces` cuts it into chunks
    /// of that many octets; `spooled` puts it into a (pretended) file.
    public static func test(_ text: String, pieces: Int? = nil, spooled: Bool = false) -> Message {
        let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
        return self.test(bytes: Array(lines.joined(separator: [0x0D, 0x0A])), pieces: pieces, spooled: spooled)
    }

    /// A message out of octets in wire form.
    public static func test(bytes: [UInt8], pieces: Int? = nil, spooled: Bool = false) -> Message {
        var sink = MessageSink(limit: nil)
        bytes.withUnsafeBytes { sink.received($0) }
        let headerEnd = min(sink.headerEnd ?? bytes.count, bytes.count)
        var facts = MessageFacts()
        facts.has8BitHeader = sink.has8BitHeader
        facts.has8BitBody = sink.has8BitBody
        facts.hasNUL = sink.hasNUL
        facts.hops = sink.hops
        for (index, byte) in bytes.enumerated() {
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0
            if byte == 0x0D, next != 0x0A { facts.bareCR += 1 }
            if byte == 0x0A, index == 0 || bytes[index - 1] != 0x0D { facts.bareLF += 1 }
        }
        let size = max(pieces ?? bytes.count, 1)
        let chunks = stride(from: 0, to: bytes.count, by: size).map { start in
            Array(bytes[start..<min(start + size, bytes.count)])
        }
        return Message(
            MessageStorage(
                chunks: spooled ? [] : chunks, file: spooled ? TestSpoolFile(bytes, readsAtMost: size) : nil,
                size: bytes.count, headerBytes: Array(bytes[..<headerEnd]), facts: facts))
    }
}

private final class TestSpoolFile: SpooledFile {
    let path = "/spool/test"
    private let bytes: [UInt8]
    private let limit: Int

    init(_ bytes: [UInt8], readsAtMost limit: Int) {
        self.bytes = bytes
        self.limit = limit
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(EffectError) -> Int {
        guard self.bytes.indices.contains(offset) else { return 0 }
        let piece = self.bytes[offset...].prefix(min(self.limit, buffer.count))
        buffer.copyBytes(from: piece)
        return piece.count
    }
}

extension Mailbox {
    /// A recipient out of `user@host`, as RCPT would read it in angle brackets.
    /// - Throws: what is wrong with it.
    public static func test(_ address: String) throws -> Mailbox {
        try PathParser.forwardPath("<\(address)>", smtputf8: true)
    }
}

extension ReversePath {
    /// A sender out of `user@host`, or the null sender out of an empty text.
    /// - Throws: what is wrong with it.
    public static func test(_ address: String) throws -> ReversePath {
        try PathParser.reversePath("<\(address)>", smtputf8: true)
    }
}

extension MailEvent {
    /// The event of `MAIL FROM:<address>`.
    /// - Throws: what is wrong with the address.
    public init(testing address: String, parameters: [ESMTPParameter] = []) throws {
        self.init(sender: try .test(address), parameters: parameters)
    }
}

extension RecipientEvent {
    /// The event of `RCPT TO:<address>`.
    /// - Throws: what is wrong with the address.
    public init(testing address: String, parameters: [ESMTPParameter] = []) throws {
        self.init(recipient: try .test(address), parameters: parameters)
    }
}

extension Message {
    /// Puts a field above all others, as the server does.
    public mutating func addTestField(_ field: String) { self.addTopField(Array(field.utf8)) }
}
