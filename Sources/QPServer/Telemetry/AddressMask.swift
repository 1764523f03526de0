// AddressMask.swift
//
// Who was it: shown, hashed so that equal ones can be told, or dropped.

import Crypto
import Glibc
import QPActors
import QPHooks
import QPTelemetry
import Synchronization

/// The key that addresses are hashed with, another one every day.
final class MaskKeys: Sendable {
    private struct State {
        var key: SymmetricKey
        var until: Int64
    }
    private static let life: Int64 = 86_400_000_000_000
    private let state: Mutex<State>

    init(now: Int64) {
        self.state = Mutex(State(key: SymmetricKey(size: .bits256), until: now &+ Self.life))
    }

    /// The key of the day that a monotonic time lies in.
    func key(at now: Int64) -> SymmetricKey {
        self.state.withLock { state in
            if now >= state.until {
                state.key = SymmetricKey(size: .bits256)
                state.until = now &+ Self.life
            }
            return state.key
        }
    }
}

/// Puts something else in the place of addresses: of clients, senders, recipients, names of hosts.
struct AddressMask: Sendable {
    /// What is put there.
    enum Mode: String, Sendable {
        case shown, hashed, dropped
    }

    let mode: Mode
    private let key: SymmetricKey

    init(_ mode: Mode, key: SymmetricKey) {
        self.mode = mode
        self.key = key
    }

    /// A host, an address, a mail address: anything that is one.
    func name(_ text: String) -> String {
        switch self.mode {
        case .shown: return text
        case .dropped: return ""
        case .hashed:
            guard !text.isEmpty, !text.hasPrefix("h-") else { return text }
            let code = HMAC<SHA256>.authenticationCode(for: Array(text.lowercased().utf8), using: self.key)
            return code.prefix(6).reduce(into: "h-") { text, octet in
                text += octet < 16 ? "0" + String(octet, radix: 16) : String(octet, radix: 16)
            }
        }
    }

    private func name(_ text: String?) -> String? { text.map { self.name($0) } }

    /// A text: whatever in it looks like an address or the name of a host.
    func text(_ text: String) -> String {
        guard self.mode != .shown else { return text }
        var result: [UInt8] = []
        var word: [UInt8] = []
        result.reserveCapacity(text.utf8.count)
        // Readers get many lines: a word is looked at only if it has what addresses and names of hosts have.
        var isSuspect = false
        func end() {
            if isSuspect {
                result += self.word(String(decoding: word, as: UTF8.self)).utf8
            } else {
                result += word
            }
            word.removeAll(keepingCapacity: true)
            isSuspect = false
        }
        for octet in text.utf8 {
            if Self.belongs[Int(octet)] {
                word.append(octet)
                isSuspect = isSuspect || Self.suspects[Int(octet)]
            } else {
                end()
                result.append(octet)
            }
        }
        end()
        return String(decoding: result, as: UTF8.self)
    }

    /// Octets of words; beyond ASCII all of them.
    private static let belongs: [Bool] = (0..<256).map { octet in
        guard let scalar = Unicode.Scalar(octet), octet < 0x80 else { return true }
        let character = Character(scalar)
        return character.isLetter || character.isNumber || "@.:-_+%~".contains(character)
    }

    private static let suspects: [Bool] = (0..<256).map { [0x2E, 0x3A, 0x40].contains($0) }

    private func word(_ word: String) -> String {
        let tail = word.reversed().prefix { ".:".contains($0) }.count
        let core = String(word.dropLast(tail))
        guard Self.isName(core) else { return word }
        return (self.mode == .dropped ? "(dropped)" : self.name(core)) + word.suffix(tail)
    }

    private static func isName(_ word: String) -> Bool {
        if word.contains("@") || IPAddress(word) != nil { return true }
        let labels = word.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count > 1, let last = labels.last, last.count > 1, last.allSatisfy(\.isLetter) else {
            return false
        }
        return labels.allSatisfy { !$0.isEmpty }
    }

    // MARK: Rows

    func row(_ row: SessionRow) -> SessionRow {
        guard self.mode != .shown else { return row }
        var row = row
        row.peer = self.name(row.peer)
        row.peerPort = 0
        row.remoteHost = self.name(row.remoteHost)
        row.helo = self.name(row.helo)
        row.user = self.name(row.user)
        row.sender = self.name(row.sender)
        row.recipients = self.mode == .dropped ? [] : row.recipients.map { self.name($0) }
        row.reason = row.reason.map { self.text($0) }
        return row
    }

    func row(_ row: TransactionRow) -> TransactionRow {
        guard self.mode != .shown else { return row }
        var row = row
        row.sender = self.name(row.sender)
        row.recipients =
            self.mode == .dropped
            ? [] : row.recipients.map { RecipientRow(address: self.name($0.address), code: $0.code) }
        row.messageId = self.name(row.messageId)
        row.text = self.text(row.text)
        return row
    }

    func detail(_ detail: SessionDetail) -> SessionDetail {
        guard self.mode != .shown else { return detail }
        var detail = detail
        detail.session = self.row(detail.session)
        detail.transactions = detail.transactions.map { self.row($0) }
        for index in detail.trail.indices { detail.trail[index].text = self.text(detail.trail[index].text) }
        if let decision = detail.decision { detail.decision?.text = self.text(decision.text) }
        return detail
    }

    func row(_ row: LogRow) -> LogRow {
        guard self.mode != .shown else { return row }
        var row = row
        row.text = self.text(row.text)
        row.fields = row.fields.mapValues { self.text($0) }
        for name in ["ip", "helo", "from", "to", "host"] {
            if let value = row.fields[name] { row.fields[name] = self.name(value) }
        }
        return row
    }

    func row(_ row: EventRow) -> EventRow {
        guard self.mode != .shown else { return row }
        var row = row
        row.session = row.session.map { self.row($0) }
        row.transaction = row.transaction.map { self.row($0) }
        row.text = row.text.map { self.text($0) }
        return row
    }

    func row(_ row: BanRow) -> BanRow {
        guard self.mode != .shown else { return row }
        var row = row
        row.network = self.name(row.network)
        row.reason = self.text(row.reason)
        return row
    }

    // MARK: Records

    /// A segment as it may be kept.
    func segment(_ segment: JournalSegment) -> JournalSegment? {
        guard self.mode != .shown, var reader = JournalReader(segment.octets) else { return segment }
        var records: [JournalRecord] = []
        while let record = reader.next() {
            switch record {
            case .transaction(let transaction): records.append(.transaction(self.record(transaction)))
            case .session(let session): records.append(.session(self.record(session)))
            case .connected(let session): records.append(.connected(self.record(session)))
            }
        }
        return JournalSegment(records, names: reader.names)
    }

    private func part(_ part: TrailPart) -> TrailPart {
        TrailPart(records: part.records, texts: part.texts.map { self.text($0) }, dropped: part.dropped)
    }

    private func record(_ record: JournalTransaction) -> JournalTransaction {
        var record = record
        record.peer = self.address(record.peer)
        record.sender = self.name(record.sender)
        record.recipients = record.recipients.map { RecipientRow(address: self.name($0.address), code: $0.code) }
        record.messageID = self.name(record.messageID)
        record.text = self.text(record.text)
        record.trail = self.part(record.trail)
        return record
    }

    private func record(_ record: JournalSession) -> JournalSession {
        var record = record
        record.peer = self.address(record.peer)
        record.peerPort = 0
        record.helo = self.name(record.helo)
        record.remoteHost = self.name(record.remoteHost)
        record.user = self.name(record.user)
        record.sender = self.name(record.sender)
        record.recipients = record.recipients.map { self.name($0) }
        record.reason = self.text(record.reason)
        record.trail = self.part(record.trail)
        return record
    }

    /// An address in the place of another: records have room for addresses only. It lies in 100::/64, which reaches
    /// nobody (RFC 6666 §4).
    func address(_ address: IPAddress) -> IPAddress {
        switch self.mode {
        case .shown: return address
        case .dropped: return IPAddress(ipv6High: 0x0100_0000_0000_0000, low: 0)
        case .hashed:
            let code = HMAC<SHA256>.authenticationCode(for: address.bytes, using: self.key)
            return IPAddress(
                ipv6High: 0x0100_0000_0000_0000, low: code.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
        }
    }
}
