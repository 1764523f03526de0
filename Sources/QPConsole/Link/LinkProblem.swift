// LinkProblem.swift
//
// Why a server did not do what was asked of it: a short line each.

import NIOCore

/// What came in the way.
enum LinkProblem: Error, Hashable, Sendable {
    /// Nobody answers.
    case unreachable(String)
    /// It does not let us in.
    case refused(String)
    /// It speaks something else.
    case foreign(String)
    /// It does not want this one request.
    case rejected(Int, String)

    var text: String {
        switch self {
        case .unreachable(let text), .refused(let text), .foreign(let text), .rejected(_, let text): text
        }
    }

    /// Characters of a text that a server may fill a line with.
    private static let maxText = 300

    /// What something that is no API of ours is told off with.
    static func foreign(at label: String, _ what: String) -> Self {
        .foreign("\(label) speaks no API of version 1 that this console knows: \(what)")
    }

    /// An answer that is no 2xx: RFC 9457 if it is one of our servers.
    init(status: Int, contentType: String?, body: some Collection<UInt8>, to request: AdminRequest, from server: Peer) {
        let problem =
            Self.isKind("application/problem+json", contentType)
            ? try? JSONAnswer.decode(Document.self, from: body) : nil
        let text = problem.map(Self.line) ?? "no reason is given"
        switch status {
        case 401: self = .refused("401: " + (server.hasToken ? "the token is not known there" : text))
        case 403, 421, 429: self = .refused("\(status): \(text)")
        case 404 where request.isGate: self = .foreign(at: server.label, "404 for \(request.path)")
        case 502...504: self = .unreachable("\(server.label): \(status): \(text)")
        case 400... where problem != nil: self = .rejected(status, text)
        case 500...: self = .unreachable("\(server.label): \(status) for \(request.path)")
        default: self = .foreign(at: server.label, "\(status) for \(request.path)")
        }
    }

    private struct Document: Decodable {
        let detail: String?
        let title: String?
        let column: Int?
    }

    private static func line(_ problem: Document) -> String {
        // A configuration that is refused has a line for each problem.
        let lines = (problem.detail ?? problem.title ?? "").split(whereSeparator: \.isNewline)
        var text = problem.column.map { "column \($0): " } ?? ""
        text += lines.first.map { String($0.prefix(Self.maxText)) } ?? "no reason is given"
        if lines.count > 1 { text += "; and \(lines.count - 1) more" }
        return text
    }

    /// Whether a Content-Type field names a type, whatever its parameters.
    static func isKind(_ type: String, _ field: String?) -> Bool {
        guard let kind = field?.split(separator: ";", omittingEmptySubsequences: false).first else { return false }
        return kind.filter { $0 != " " }.lowercased() == type
    }
}

/// What texts say of a server.
struct Peer: Hashable, Sendable {
    let label: String
    let hasToken: Bool
}

extension AdminRequest {
    /// Without the query, which may be long.
    var path: String { String(self.target.prefix { $0 != "?" }) }

    /// What every server of this version knows.
    var isGate: Bool { self == AdminRequest(.whoami) || self == AdminRequest(.overview) }
}
