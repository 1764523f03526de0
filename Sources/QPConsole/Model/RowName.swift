// RowName.swift
//
// What the names of rows say: which server, and what of it.

/// A row's name, `0:427ppwh0nhgm`, in its parts.
struct RowName: Hashable, Sendable {
    var server: Int
    var rest: String

    /// `nil`: a row that belongs to no server.
    init?(_ id: String) {
        guard let colon = id.firstIndex(of: ":"), let server = Int(id[..<colon]), server >= 0 else { return nil }
        self.server = server
        self.rest = String(id[id.index(after: colon)...])
    }

    init(server: Int, _ rest: String) {
        self.server = server
        self.rest = rest
    }

    var id: String { "\(self.server):\(self.rest)" }
}
