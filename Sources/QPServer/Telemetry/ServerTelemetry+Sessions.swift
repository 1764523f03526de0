// ServerTelemetry+Sessions.swift
//
// Lists of sessions, and all that is known of one.

import QPActors
import QPHooks
package import QPTelemetry

extension ServerTelemetry {
    package func sessions(_ request: SessionsRequest, for caller: Caller) async -> SessionPage {
        let mask = self.hub.mask(for: caller)
        let request = Self.harmless(request, mask)
        let page = request.state == .live ? await self.live(request, mask) : await self.past(request, mask)
        var masked = page
        masked.sessions = page.sessions.map { mask.row($0) }
        return masked
    }

    /// Whoever may not see addresses may not sort by them either: places in the order tell too much.
    private static func harmless(_ request: SessionsRequest, _ mask: AddressMask) -> SessionsRequest {
        var request = request
        switch request.sort {
        case .peer, .helo, .sender: if mask.mode != .shown { request.sort = .age }
        case .age, .started, .phase, .rcpts, .messages, .octets, .rate, .running: break
        }
        return request
    }

    // MARK: Live

    private struct Candidate: Sendable {
        let key: SortKey
        let number: UInt64
        let session: Session
        let port: LoopPort
    }

    /// Sorts by what is wanted first, so that only the rows of the page are made.
    private func live(_ request: SessionsRequest, _ mask: AddressMask) async -> SessionPage {
        let query = request.query
        let sort = request.sort
        let found = await self.ports.visitPorts { port, session -> Candidate? in
            if let query, !query.isEmpty, !Self.matches(query, session, mask) { return nil }
            return Candidate(key: session.sortKey(sort), number: session.number, session: session, port: port)
        }
        var candidates = found.flatMap { $0 ?? [] }
        let isDescending = request.isDescending
        candidates.sort { left, right in
            if left.key != right.key { return isDescending ? left.key > right.key : left.key < right.key }
            return left.number < right.number
        }
        let offset = min(max(0, request.offset), candidates.count)
        let page = Array(candidates[offset...].prefix(max(1, request.limit)))
        let rows = await self.rows(page)
        let end = offset + page.count
        return SessionPage(
            sessions: rows, total: candidates.count, next: end < candidates.count ? end : nil,
            missingLoops: self.missing(found))
    }

    private func missing<Found>(_ found: [Found?]) -> [Int] {
        zip(self.ports.all, found).compactMap { $1 == nil ? $0.core.number : nil }
    }

    /// The rows of sessions, in their order; of those that still live.
    private func rows(_ page: [Candidate]) async -> [SessionRow] {
        let answers = await self.ports.ask { port in
            page.enumerated().compactMap { index, candidate in
                candidate.port === port ? (index, candidate.session.assumeIsolated { $0.row() }) : nil
            }
        }
        return answers.flatMap { $0 ?? [] }.sorted { $0.0 < $1.0 }.map(\.1)
    }

    private static func matches(_ query: Query, _ session: isolated Session, _ mask: AddressMask) -> Bool {
        // Queries see what the reader may see: answers to guesses would tell the rest.
        let row = mask.row(session.row())
        guard query.isAboutRuns else { return query.matches(row) }
        let part = session.detail().trail
        return Self.matches(query, row, Explainer.entries(part, session.pluginNames, transaction: 0))
    }

    /// Whether a session matches, or one of its runs does.
    static func matches(_ query: Query, _ row: SessionRow, _ runs: [TrailEntry]) -> Bool {
        if query.matches(row) { return true }
        return runs.contains { run in
            query.matches { field in
                switch field {
                case .plugin, .hook, .verdict, .duration: run.queryValue(field)
                default: row.queryValue(field)
                }
            }
        }
    }

    // MARK: Past

    /// Segments from disk that one list may read.
    private static let diskSegments = 512

    private func past(_ request: SessionsRequest, _ mask: AddressMask) async -> SessionPage {
        _ = await self.ports.ask { $0.journal.seal() }
        self.hub.collect()
        let wanted = max(0, request.offset) + max(1, request.limit) + 1
        var rows: [SessionRow] = []
        var seen = Set<String>()
        var oldest = Int64.max
        let take = { (records: [NamedRecord]) in
            for row in Self.rows(records, request, mask) where seen.insert(row.id).inserted { rows.append(row) }
        }
        let segments = self.hub.ring.entries.compactMap(\.segment)
        oldest = segments.map(\.firstTime).min() ?? .max
        if request.sort == .started || request.sort == .age, request.query?.isEmpty ?? true, request.isDescending {
            // Newest first: no more is read than is shown.
            for segment in segments.reversed() where rows.count < wanted { take(segment.named()) }
        } else {
            take(segments.flatMap { $0.named() })
        }
        var before: Int64?
        var read = 0
        while rows.count < wanted, read < Self.diskSegments, let database = self.hub.database {
            let batch = database.newest(before: before, limit: 32)
            guard let last = batch.last else { break }
            before = last.sequence
            read += batch.count
            let fresh = batch.filter { $0.firstTime < oldest }.reversed()
            take(fresh.flatMap { JournalSegment($0).named() })
        }
        return Self.page(rows, request)
    }

    private static func page(_ rows: [SessionRow], _ request: SessionsRequest) -> SessionPage {
        var rows = rows
        rows.sort { left, right in
            let (first, second) = request.isDescending ? (right, left) : (left, right)
            let (before, after) = (first.sortKey(request.sort), second.sortKey(request.sort))
            return before != after ? before < after : left.startedAt > right.startedAt
        }
        let offset = min(max(0, request.offset), rows.count)
        let page = Array(rows[offset...].prefix(max(1, request.limit)))
        let end = offset + page.count
        return SessionPage(sessions: page, total: nil, next: end < rows.count ? end : nil)
    }

    /// The sessions that are over among records, newest first.
    private static func rows(
        _ records: [NamedRecord], _ request: SessionsRequest, _ mask: AddressMask
    ) -> [SessionRow] {
        var runs: [SessionID: [TrailEntry]] = [:]
        let query = request.query.flatMap { $0.isEmpty ? nil : $0 }
        if query?.isAboutRuns ?? false {
            for named in records {
                guard case .transaction(let transaction) = named.record else { continue }
                runs[transaction.session, default: []] += Explainer.entries(
                    transaction.trail, named.names, transaction: transaction.number)
            }
        }
        var rows: [SessionRow] = []
        for named in records.reversed() {
            guard case .session(let session) = named.record, session.kind == request.state else { continue }
            let row = Explainer.row(session, named.names)
            if let query {
                let own = query.isAboutRuns ? Explainer.entries(session.trail, named.names, transaction: 0) : []
                guard Self.matches(query, mask.row(row), (runs[session.session] ?? []) + own) else { continue }
            }
            rows.append(row)
        }
        return rows
    }

    // MARK: One

    package func session(_ id: String, for caller: Caller) async -> SessionDetail? {
        guard let id = SessionID(id) else { return nil }
        return await self.detail(id).map { self.hub.mask(for: caller).detail($0) }
    }

    private struct LiveDetail: Sendable {
        let row: SessionRow
        let trail: TrailPart
        let transaction: UInt32
        let naughty: String?
        let names: [String]
    }

    func detail(_ id: SessionID) async -> SessionDetail? {
        _ = await self.ports.ask { $0.journal.seal() }
        let live = await self.ports.visit { session -> LiveDetail? in
            guard session.id == id else { return nil }
            let detail = session.detail()
            return LiveDetail(
                row: detail.row, trail: detail.trail, transaction: detail.transaction, naughty: detail.naughty,
                names: session.pluginNames)
        }.flatMap { $0 ?? [] }.first
        self.hub.collect()
        let records = self.records(of: id)
        return Explainer.detail(
            records, live: live.map { ($0.row, $0.trail, $0.transaction, $0.naughty) }, names: live?.names ?? [])
    }

    /// Every record of a session, oldest first, each once.
    private func records(of id: SessionID) -> [NamedRecord] {
        var found: [NamedRecord] = []
        let key = JournalKey.of(id)
        for segment in self.hub.database?.holding(key: key, limit: 64, before: nil).reversed() ?? [] {
            found += JournalSegment(segment).named(of: id)
        }
        for segment in self.hub.ring.entries.compactMap(\.segment) where segment.keys.contains(key) {
            found += segment.named(of: id)
        }
        var seen = Set<String>()
        return found.filter { seen.insert($0.record.identity).inserted }
    }

    // MARK: Explain

    package func explain(
        _ request: ExplainRequest, for caller: Caller
    ) async throws(ControlError) -> [SessionDetail] {
        let mask = self.hub.mask(for: caller)
        if caller.hidesAddresses, request.id == nil {
            throw .invalid("addresses are hidden from you: sessions are explained by their id only")
        }
        if let id = request.id {
            guard SessionID(id) != nil else { throw .invalid("'\(id)' is no session id") }
            return await self.session(id, for: caller).map { [$0] } ?? []
        }
        _ = await self.ports.ask { $0.journal.seal() }
        self.hub.collect()
        let keys = try self.keys(request)
        var ids: [SessionID] = []
        for id in await self.liveSessions(request) where !ids.contains(id) { ids.append(id) }
        let segments = self.hub.ring.entries.compactMap(\.segment).reversed()
        for segment in segments where ids.count < Self.explainLimit {
            guard !Set(segment.keys).isDisjoint(with: keys) else { continue }
            self.add(segment, request, keys, to: &ids)
        }
        for key in keys where ids.count < Self.explainLimit {
            for segment in self.hub.database?.holding(key: key, limit: 64, before: nil) ?? [] {
                self.add(JournalSegment(segment), request, keys, to: &ids)
            }
        }
        var details: [SessionDetail] = []
        for id in ids.prefix(Self.explainLimit) {
            if let detail = await self.detail(id) { details.append(mask.detail(detail)) }
        }
        return details.sorted { $0.session.startedAt > $1.session.startedAt }
    }

    private static let explainLimit = 20

    /// What records are found by: as it was given, and as it is kept if that tells one from another.
    private func keys(_ request: ExplainRequest) throws(ControlError) -> Set<UInt64> {
        let mask = self.hub.mask
        let keys = { (kind: JournalKey.Kind, name: String) -> Set<UInt64> in
            mask.mode == .hashed
                ? [JournalKey.of(kind, name), JournalKey.of(kind, mask.name(name))] : [JournalKey.of(kind, name)]
        }
        if let sender = request.sender { return keys(.sender, sender) }
        if let recipient = request.recipient { return keys(.recipient, recipient) }
        if let messageID = request.messageId {
            let bare = messageID.hasPrefix("<") && messageID.hasSuffix(">")
            return keys(.messageID, bare ? String(messageID.dropFirst().dropLast()) : messageID)
        }
        if let peer = request.peer {
            guard let address = IPAddress(peer) else { throw .invalid("'\(peer)' is no IP address") }
            let own = JournalKey.of(address)
            return mask.mode == .hashed ? [own, JournalKey.of(mask.address(address))] : [own]
        }
        throw .invalid("one of id, sender, recipient, peer, message_id is needed")
    }

    private func add(
        _ segment: JournalSegment, _ request: ExplainRequest, _ keys: Set<UInt64>, to ids: inout [SessionID]
    ) {
        for named in segment.named().reversed() where ids.count < Self.explainLimit {
            guard named.record.holds(keys), !ids.contains(named.record.session) else { continue }
            ids.append(named.record.session)
        }
    }

    private func liveSessions(_ request: ExplainRequest) async -> [SessionID] {
        let address = request.peer.flatMap { IPAddress($0) }
        let (sender, recipient) = (request.sender?.lowercased(), request.recipient?.lowercased())
        return await self.ports.visit { session -> SessionID? in
            if let address { return session.peer == address ? session.id : nil }
            guard sender != nil || recipient != nil else { return nil }
            let row = session.row()
            if let sender { return row.sender?.lowercased() == sender ? session.id : nil }
            return row.recipients.contains { $0.lowercased() == recipient } ? session.id : nil
        }.flatMap { $0 ?? [] }
    }

    // MARK: Top

    package func top(_ field: TopField, _ request: SessionsRequest, for caller: Caller) async -> [TopRow] {
        let mask = self.hub.mask(for: caller)
        var everything = request
        everything.offset = 0
        everything.limit = 20_000
        let page =
            request.state == .live ? await self.live(everything, mask) : await self.past(everything, mask)
        var counts: [String: (count: Int, session: String)] = [:]
        for row in page.sessions {
            for value in Set(field.values(of: row, network: Self.network)) where !value.isEmpty {
                let before = counts[value]
                counts[value] = ((before?.count ?? 0) + 1, before?.session ?? row.id)
            }
        }
        let top = counts.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.prefix(max(1, request.limit))
        return top.map { value, found in
            TopRow(
                value: field.isAddress ? mask.name(value) : mask.text(value), count: found.count,
                session: found.session)
        }
    }

    private static func network(_ address: String) -> String {
        IPAddress(address).flatMap { Network($0, prefixLength: $0.isIPv4 ? 24 : 48) }?.description ?? ""
    }
}

extension TopField {
    fileprivate var isAddress: Bool {
        switch self {
        case .address, .network, .helo, .domain, .sender, .recipient: true
        case .reason, .code, .plugin, .listener: false
        }
    }
}

extension SessionRow {
    fileprivate func sortKey(_ sort: SessionSort) -> SortKey {
        switch sort {
        case .age: .number(self.age)
        case .started: .number(self.startedAt)
        case .peer: IPAddress(self.peer).map { .address($0) } ?? .text(self.peer)
        case .helo: .text(self.helo ?? "")
        case .phase: .number(Double(SessionPhase.allCases.firstIndex(of: self.phase) ?? 0))
        case .sender: .text(self.sender ?? "")
        case .rcpts: .number(Double(self.recipientCount))
        case .messages: .number(Double(self.messages))
        case .octets: .number(Double(self.octets))
        case .rate: .number(self.rate)
        case .running: .number(self.running ?? -1)
        }
    }
}

extension SegmentRing.Entry {
    /// Its segment, if it is one.
    var segment: JournalSegment? {
        switch self.content {
        case .segment(let segment): segment
        case .event: nil
        }
    }
}

extension JournalSegment {
    init(_ segment: TrailDatabase.Segment) {
        self.init(
            octets: segment.octets, keys: segment.keys, records: segment.records, firstTime: segment.firstTime,
            lastTime: segment.lastTime)
    }
}

extension JournalRecord {
    /// Tells it from every other record.
    var identity: String {
        switch self {
        case .transaction(let transaction): "t\(transaction.session.bits).\(transaction.number).\(transaction.endedAt)"
        case .session(let session): "s\(session.session.bits).\(session.endedAt)"
        case .connected(let session): "c\(session.session.bits)"
        }
    }

    /// Whether it can be found by one of the keys.
    func holds(_ keys: Set<UInt64>) -> Bool {
        switch self {
        case .transaction(let transaction):
            if keys.contains(JournalKey.of(transaction.peer)) { return true }
            if let sender = transaction.sender, keys.contains(JournalKey.of(.sender, sender)) { return true }
            if let id = transaction.messageID, keys.contains(JournalKey.of(.messageID, id)) { return true }
            return transaction.recipients.contains { keys.contains(JournalKey.of(.recipient, $0.address)) }
        case .session(let session), .connected(let session):
            return keys.contains(JournalKey.of(session.peer))
        }
    }
}
