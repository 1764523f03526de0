// StreamAnswer.swift
//
// Rows as they come: server-sent events, or one JSON text a line.

import FoundationEssentials
import Hummingbird
import HummingbirdCore
import NIOCore
import QPTelemetry

/// A row with the number to go on behind.
protocol SequencedRow: Encodable, Sendable {
    var sequence: UInt64 { get }
    /// Appends it as JSON; nothing if it cannot be said.
    func write(to buffer: inout ByteBuffer)
}

extension SequencedRow {
    func write(to buffer: inout ByteBuffer) {
        if let json = try? JSONText.makeEncoder().encode(self) { buffer.writeBytes(JSONText.plain(json)) }
    }
}

extension LogRow: SequencedRow {}
extension EventRow: SequencedRow {}

/// A form of streams.
enum StreamForm: Sendable {
    case events
    case lines

    init(accept: String?) {
        self = accept?.lowercased().contains("text/event-stream") == true ? .events : .lines
    }

    var contentType: String {
        switch self {
        case .events: "text/event-stream"
        case .lines: "application/x-ndjson"
        }
    }

    /// Items on the wire; none are a sign of life.
    func text<Row: SequencedRow>(_ items: [StreamItem<Row>], kind: String) -> ByteBuffer {
        var result = ByteBuffer()
        for item in items {
            let isEvents = self == .events
            switch item {
            case .element(let row):
                if isEvents { result.writeString("id: \(row.sequence)\nevent: \(kind)\ndata: ") }
                row.write(to: &result)
            case .lost(let count):
                result.writeString((isEvents ? "event: lost\ndata: " : "") + "{\"lost\":\(count)}")
            }
            result.writeString(isEvents ? "\n\n" : "\n")
        }
        if items.isEmpty, self == .events { result.writeString(":\n\n") }
        return result
    }
}

/// A stream that is ended once, by whoever comes first: its end, a client that goes, an answer that is never written.
final class OpenStream<Row: SequencedRow>: Sendable {
    let rows: any TelemetryStream<Row>
    private let place: StreamPlace

    init(_ rows: any TelemetryStream<Row>, place: StreamPlace) {
        self.rows = rows
        self.place = place
    }

    deinit {
        self.rows.end()
    }

    /// An answer with the rows. If it follows, it goes on until the client leaves, and is the connection's last.
    func answer(_ request: Request, _ form: StreamForm, kind: String, follows: Bool) -> Response {
        let body = ResponseBody { writer in
            defer { self.rows.end() }
            if follows {
                try await request.body.consumeWithInboundCloseHandler { _ in
                    try await self.write(to: &writer, form, kind)
                } onInboundClosed: {
                    self.rows.end()
                }
            } else {
                try await self.write(to: &writer, form, kind)
            }
            try await writer.finish(nil)
        }
        var response = Response(status: .ok, headers: [.contentType: form.contentType], body: body)
        if follows { response.headers[.connection] = "close" }
        return response
    }

    /// The next rows are asked for when the last ones were taken: what a slow client misses, the stream counts.
    @concurrent
    private func write(to writer: inout any ResponseBodyWriter, _ form: StreamForm, _ kind: String) async throws {
        while !Task.isCancelled, let items = await self.rows.next() {
            let text = form.text(items, kind: kind)
            if text.readableBytes > 0 { try await writer.write(text) }
        }
    }
}
