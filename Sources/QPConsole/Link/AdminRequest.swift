// AdminRequest.swift
//
// What is asked of a server, as HTTP: docs/admin.md, Requests.

import FoundationEssentials
import QPTelemetry

/// A request without the address of a server.
struct AdminRequest: Hashable, Sendable {
    enum Method: String, Hashable, Sendable {
        case get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"
    }

    var method: Method
    /// Path and query.
    var target: String
    /// JSON.
    var body: [UInt8]?

    /// Seconds of `rates`.
    static let rateSeconds = 120
    /// Earlier lines that a log begins with.
    static let backlog = 200

    private init(
        _ method: Method, _ path: String, _ query: [(name: String, value: String?)] = [], body: [UInt8]? = nil
    ) {
        let query = query.compactMap { name, value in value.map { "\(name)=\(PercentText.encode($0))" } }
        self.method = method
        self.target = "/api/v1/" + path + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        self.body = body
    }

    init(_ need: Need) {
        switch need {
        case .overview: self.init(.get, "overview")
        case .rates: self.init(.get, "rates", [("seconds", String(Self.rateSeconds))])
        case .whoami: self.init(.get, "whoami")
        case .sessions(let wish): self.init(.get, "sessions", Self.query(wish))
        case .session(let id): self.init(.get, "sessions/" + PercentText.encode(id))
        case .plugins: self.init(.get, "plugins")
        case .hooks: self.init(.get, "hooks")
        case .bans: self.init(.get, "bans")
        case .generations: self.init(.get, "generations")
        case .difference(let number): self.init(.get, "generations/diff", [("from", number.map { String($0) })])
        case .backends: self.init(.get, "backends")
        case .top(let field, let kind, let query, let limit):
            self.init(
                .get, "top",
                [
                    ("field", field.rawValue), ("state", kind.rawValue), ("query", query.isEmpty ? nil : query),
                    ("limit", String(limit)),
                ])
        }
    }

    private static func query(_ wish: SessionsWish) -> [(name: String, value: String?)] {
        [
            ("state", wish.kind.rawValue), ("query", wish.query.isEmpty ? nil : wish.query),
            ("sort", wish.sort.rawValue), ("order", wish.isDescending ? "desc" : "asc"), ("limit", String(wish.limit)),
            ("offset", wish.offset == 0 ? nil : String(wish.offset)),
        ]
    }

    init(_ order: Order) {
        switch order {
        case .kick(let id): self.init(.delete, "sessions/" + PercentText.encode(id))
        case .previewBan(let request): self.init(.post, "bans/preview", body: Self.json(request))
        case .ban(let request): self.init(.post, "bans", body: Self.json(request))
        case .liftBan(let id): self.init(.delete, "bans/" + PercentText.encode(id))
        case .patch(let name, let patch):
            self.init(.patch, "plugins/" + PercentText.encode(name), body: Self.json(patch))
        case .reload: self.init(.post, "generations/reload")
        case .goBack: self.init(.post, "generations/go-back")
        case .drain(let isOn): self.init(isOn ? .put : .delete, "drain")
        case .softBounce(let isOn): self.init(.put, "soft-bounce", body: Self.json(["enabled": isOn]))
        }
    }

    /// The log as it comes; behind a line that is known, if there is one.
    init(_ wish: LogWish, after sequence: UInt64?) {
        var query: [(name: String, value: String?)] = [("follow", "true"), ("level", wish.level)]
        query += wish.plugins.map { ("plugin", $0) }
        query.append(("query", wish.query.isEmpty ? nil : wish.query))
        if let sequence {
            query.append(("after", String(sequence)))
        } else {
            query.append(("backlog", String(Self.backlog)))
        }
        self.init(.get, "logs", query)
    }

    /// The last lines of the log.
    init(_ wish: LogWish, backlog: Int) {
        var query: [(name: String, value: String?)] = [("backlog", String(backlog)), ("level", wish.level)]
        query += wish.plugins.map { ("plugin", $0) }
        query.append(("query", wish.query.isEmpty ? nil : wish.query))
        self.init(.get, "logs", query)
    }

    private static func json(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A number that is none is refused by the server, with a better text than ours would be.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return (try? encoder.encode(value)).map { [UInt8]($0) } ?? [UInt8]("{}".utf8)
    }
}
