// Need.swift
//
// What a view wants to know of each server, and what comes back.

import QPTelemetry

/// Which sessions a view wants.
struct SessionsWish: Hashable, Sendable {
    var kind = SessionKind.live
    /// A query, as docs/query.md has it.
    var query = ""
    var sort = SessionSort.age
    var isDescending = true
    var limit = 100
    var offset = 0
}

/// Which lines of the log a view wants.
struct LogWish: Hashable, Sendable {
    /// `LOGINFO`; `nil`: what the outputs get.
    var level: String?
    /// Only of these plugins; `NAME` or `NAME:LEVEL`.
    var plugins: [String] = []
    var query = ""
}

/// A stream that is kept open while a view wants it.
struct StreamWish: Hashable, Sendable {
    enum Purpose: Hashable, Sendable {
        /// The log view.
        case log
        /// Lines about the session that is looked at.
        case dialogue
    }

    var purpose: Purpose
    var wish: LogWish
    /// Only of this server; `nil`: of all.
    var server: Int?
}

/// Something that is asked of a server again and again while a view is open.
enum Need: Hashable, Sendable {
    case overview
    case rates
    case whoami
    case sessions(SessionsWish)
    case session(String)
    case plugins
    case hooks
    case bans
    case generations
    case difference(Int?)
    case backends
    case top(TopField, SessionKind, query: String, limit: Int)
}

/// Who a server takes us for.
struct Whoami: Hashable, Sendable, Codable {
    var name: String
    var role: AdminRole
    var source: String
    var hidesAddresses: Bool
}

/// What came back.
enum Answer: Sendable {
    case overview(Overview)
    case rates(RateSeries)
    case whoami(Whoami)
    case sessions(SessionsWish, SessionPage)
    /// `nil`: there is no such session.
    case session(String, SessionDetail?)
    case plugins([PluginRow])
    case hooks([HookRow])
    case bans([BanRow])
    case generations(Generations)
    case difference(Int?, [FileDifference])
    case backends([BackendRow])
    case top(TopField, [TopRow])
    /// Lines of the log, and how many were lost before them.
    case log(StreamWish, [LogRow], lost: UInt64)
}

/// Something that changes a server.
enum Order: Hashable, Sendable {
    case kick(String)
    case previewBan(BanRequest)
    case ban(BanRequest)
    case liftBan(String)
    case patch(String, PluginPatch)
    case reload
    case goBack
    case drain(Bool)
    case softBounce(Bool)
}

/// How an order ended.
enum OrderResult: Sendable {
    /// In words: `ended 427ppwh0nhgm`.
    case done(String)
    case preview(BanRequest, BanPreview)
    /// Why not.
    case refused(String)
}

/// How it stands with a server. Texts are a line, and say what is wrong and what is done about it.
enum LinkState: Hashable, Sendable {
    case connecting
    case up
    /// It cannot be reached; tried again.
    case down(String)
    /// It does not let us in: wrong token, missing role; tried again, more rarely.
    case refused(String)
    /// It speaks something else.
    case foreign(String)

    var text: String? {
        switch self {
        case .connecting: "connecting"
        case .up: nil
        case .down(let text), .refused(let text), .foreign(let text): text
        }
    }
}

/// News of a server, by its place among all.
struct News: Sendable {
    enum Content: Sendable {
        case link(LinkState)
        case answer(Answer)
        case order(Order, OrderResult)
        /// A query was refused: the field it stands in is asked again.
        case objection(String)
    }

    var server: Int
    var content: Content

    init(_ server: Int, _ content: Content) {
        self.server = server
        self.content = content
    }
}
