// MessageReceiver.swift
//
// A message while it comes in: framing, facts, memory, spool.

package import QPHooks

/// Where large messages go.
package protocol Spool: Sendable {
    /// Begins a file.
    func begin() throws(EffectError) -> any SpoolFileWriter
}

/// A spool file that grows.
package protocol SpoolFileWriter: AnyObject, Sendable {
    /// Appends octets.
    func append(_ bytes: UnsafeRawBufferPointer) throws(EffectError)
    /// No more comes; the file is removed when its message is forgotten.
    func finish() throws(EffectError) -> any SpooledFile
}

/// A message while it comes in. An object, so that a session that waits for commands does not carry its room; only its
/// session refers to it.
final class MessageReceiver {
    enum Framing: Sendable {
        case dot(DotFramer)
        case chunk(ChunkFramer, isLast: Bool)
    }

    /// What a piece of input came to.
    enum Progress {
        case more
        /// The message or the chunk is complete; where the next input begins.
        case end(Int)
        /// The header is complete, and whoever wants to see it has not yet.
        case header(Int)
    }

    private static let chunkSize = 32768
    /// The header that is kept in memory also when the message is spooled; a longer one is no mail.
    static let headerLimit = 1 << 20

    @exclusivity(unchecked) var framing: Framing
    @exclusivity(unchecked) private(set) var sink: MessageSink
    @exclusivity(unchecked) private var newlines = NewlineScan()
    @exclusivity(unchecked) private var chunks: [[UInt8]] = []
    @exclusivity(unchecked) private var current: [UInt8] = []
    @exclusivity(unchecked) private var header: [UInt8] = []
    @exclusivity(unchecked) private var headerIsComplete = false
    @exclusivity(unchecked) private var file: (any SpoolFileWriter)?
    private let spool: any Spool
    private let threshold: Int
    /// Why the message will not be taken; its octets are read and forgotten.
    @exclusivity(unchecked) private(set) var failure: Reply?
    @exclusivity(unchecked) private(set) var shortage: EffectError?
    @exclusivity(unchecked) private(set) var bareLF = 0
    @exclusivity(unchecked) private(set) var bareCR = 0
    /// Whether data_headers_end has been asked.
    @exclusivity(unchecked) var headerWasShown = false
    let policy: BareNewlinePolicy

    init(framing: Framing, limit: UInt64?, threshold: Int, spool: any Spool, policy: BareNewlinePolicy) {
        self.framing = framing
        self.sink = MessageSink(limit: limit)
        self.spool = spool
        self.threshold = threshold
        self.policy = policy
    }

    /// Refuses the message; what still comes is read and forgotten.
    func fail(_ reply: Reply) {
        if self.failure == nil { self.failure = reply }
        self.chunks = []
        self.current = []
        self.file = nil
    }

    /// Begins the next chunk.
    func beginChunk(size: UInt64, isLast: Bool, isBinary: Bool) {
        self.framing = .chunk(
            ChunkFramer(size: size, policy: self.policy, binary: isBinary, carry: self.newlines), isLast: isLast)
    }

    var isLastChunk: Bool {
        if case .chunk(_, let isLast) = self.framing { isLast } else { true }
    }

    func consume(_ input: UnsafeRawBufferPointer, from offset: Int) -> DotFramer.Outcome {
        switch self.framing {
        case .dot(var framer):
            // Emptied for the loan: the framer must not be copied with its place in two hands.
            let outcome = framer.consume(input, from: offset) { self.take($0) }
            self.bareLF = framer.bareLF
            self.bareCR = framer.bareCR
            self.framing = .dot(framer)
            return outcome
        case .chunk(var framer, let isLast):
            let outcome = framer.consume(input, from: offset) { self.take($0) }
            if case .end = outcome, isLast { framer.finish { self.take($0) } }
            self.newlines = framer.newlines
            self.bareLF = framer.newlines.bareLF
            self.bareCR = framer.newlines.bareCR
            self.framing = .chunk(framer, isLast: isLast)
            return outcome
        }
    }

    /// Whether the end of the header has come.
    var hasHeader: Bool { self.headerIsComplete }

    private func take(_ run: UnsafeRawBufferPointer) {
        let before = self.sink.wireSize
        self.sink.received(run)
        if self.sink.isTooBig {
            self.fail(Reply(552, .messageTooLong, "message exceeds the size limit"))
            return
        }
        guard self.failure == nil else { return }
        if !self.headerIsComplete { self.takeHeader(run, before) }
        self.store(run)
    }

    private func takeHeader(_ run: UnsafeRawBufferPointer, _ before: UInt64) {
        if let end = self.sink.headerEnd {
            let have = self.header.count
            if end > have { self.header.append(contentsOf: run.prefix(end - have)) }
            self.headerIsComplete = true
        } else {
            self.header.append(contentsOf: run)
            if self.header.count > Self.headerLimit {
                self.fail(Reply(552, .messageTooLong, "header too long"))
            }
        }
    }

    private func store(_ run: UnsafeRawBufferPointer) {
        if let file = self.file {
            self.spoolRun(run, file)
            return
        }
        guard self.sink.wireSize <= UInt64(self.threshold) else {
            self.beginSpooling()
            if let file = self.file { self.spoolRun(run, file) }
            return
        }
        if self.current.count + run.count > Self.chunkSize, !self.current.isEmpty {
            self.chunks.append(self.current)
            self.current = []
        }
        if self.current.capacity == 0 {
            self.current.reserveCapacity(self.chunks.isEmpty ? max(2048, run.count) : max(Self.chunkSize, run.count))
        }
        self.current.append(contentsOf: run)
    }

    private func beginSpooling() {
        do throws(EffectError) {
            let file = try self.spool.begin()
            for chunk in self.chunks + [self.current] {
                var problem: EffectError?
                chunk.withUnsafeBytes { bytes in
                    do throws(EffectError) { try file.append(bytes) } catch { problem = error }
                }
                if let problem { throw problem }
            }
            self.chunks = []
            self.current = []
            self.file = file
        } catch {
            self.runShort(error)
        }
    }

    private func spoolRun(_ run: UnsafeRawBufferPointer, _ file: any SpoolFileWriter) {
        do throws(EffectError) {
            try file.append(run)
        } catch {
            self.runShort(error)
        }
    }

    private func runShort(_ error: EffectError) {
        self.shortage = error
        self.fail(Reply(452, .systemFull, "insufficient system storage"))
    }

    /// The header alone, for data_headers_end.
    func headerOnly() -> MessageStorage {
        MessageStorage(
            chunks: [self.header], file: nil, size: self.header.count, headerBytes: self.header, facts: self.facts)
    }

    /// The whole message.
    func finish() -> MessageStorage? {
        let header = self.headerIsComplete ? self.header : self.header
        do throws(EffectError) {
            if let file = self.file {
                let finished = try file.finish()
                self.file = nil
                return MessageStorage(
                    chunks: [], file: finished, size: Int(clamping: self.sink.wireSize),
                    headerBytes: header, facts: self.facts)
            }
        } catch {
            self.runShort(error)
            return nil
        }
        if !self.current.isEmpty { self.chunks.append(self.current) }
        return MessageStorage(
            chunks: self.chunks, file: nil, size: Int(clamping: self.sink.wireSize), headerBytes: header,
            facts: self.facts)
    }

    private var facts: MessageFacts {
        var facts = MessageFacts()
        facts.has8BitHeader = self.sink.has8BitHeader
        facts.has8BitBody = self.sink.has8BitBody
        facts.hasNUL = self.sink.hasNUL
        facts.bareLF = self.bareLF
        facts.bareCR = self.bareCR
        facts.hops = self.sink.hops
        return facts
    }
}
