// StateDirectory.swift
//
// Where the server keeps what has to survive its restart.

/// Chooses the folder of the server's state.
package enum StateDirectory {
    /// The first of these that says something: config/state_dir, what systemd made for the service, a folder beside the
    /// messages that are too large for memory.
    ///
    /// - Parameters:
    ///   - configured: what config/state_dir says.
    ///   - environment: the value of STATE_DIRECTORY; of several folders, between colons, the first absolute one.
    ///   - spool: the spool folder.
    /// - Returns: a path without a final slash.
    package static func path(configured: String?, environment: String?, spool: String) -> String {
        if let configured, !configured.isEmpty { return self.plain(configured) }
        let made = (environment ?? "").split(separator: ":").first { $0.hasPrefix("/") }
        if let made { return self.plain(String(made)) }
        let spool = self.plain(spool)
        return spool.hasSuffix("/") ? "\(spool)state" : "\(spool)/state"
    }

    private static func plain(_ path: String) -> String {
        var path = path[...]
        while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
        return String(path)
    }
}
