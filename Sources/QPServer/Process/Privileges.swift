// Privileges.swift
//
// From root to a user who can do little.

package import Glibc

/// Whom the server becomes once its sockets are bound.
package struct Privileges: Sendable, Hashable {
    package let user: String
    package let uid: uid_t
    package let gid: gid_t

    /// Looks up `user` or `user:group`; numbers do too. Without a group it is the user's own.
    package init(_ text: String) throws(StartError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts.first ?? ""
        guard let entry = Self.user(name) else { throw StartError("there is no user '\(name)'") }
        self.user = entry.name
        self.uid = entry.uid
        guard parts.count == 2 else {
            self.gid = entry.gid
            return
        }
        guard let gid = Self.group(parts[1]) else { throw StartError("there is no group '\(parts[1])'") }
        self.gid = gid
    }

    /// Becomes the user, with the user's supplementary groups, and makes sure that there is no way back. Nothing happens
    /// if the process is that user already.
    package func drop() throws(StartError) {
        guard geteuid() == 0 else {
            guard getuid() == self.uid, geteuid() == self.uid else {
                throw StartError("only root can become user \(self.user)")
            }
            return
        }
        guard initgroups(self.user, self.gid) == 0 else { throw StartError("groups of \(self.user)", errno: errno) }
        guard setgid(self.gid) == 0 else { throw StartError("group of \(self.user)", errno: errno) }
        guard setuid(self.uid) == 0 else { throw StartError("user \(self.user)", errno: errno) }
        try self.verify()
    }

    private func verify() throws(StartError) {
        guard getuid() == self.uid, geteuid() == self.uid, getgid() == self.gid, getegid() == self.gid else {
            throw StartError("the process did not become user \(self.user)")
        }
        guard self.uid != 0 else { return }
        if setuid(0) == 0 || seteuid(0) == 0 { throw StartError("user \(self.user) can become root again") }
    }

    /// The number of a user, by name or number; a number needs no entry in the list of users.
    package static func uid(of text: String) -> uid_t? { Self.user(text)?.uid ?? Self.number(text) }

    private static func user(_ text: String) -> (name: String, uid: uid_t, gid: gid_t)? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 65536)
        if getpwnam_r(text, &entry, &buffer, buffer.count, &found) != 0 || found == nil {
            guard let uid = Self.number(text) else { return nil }
            guard getpwuid_r(uid, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        }
        guard let name = entry.pw_name else { return nil }
        return (String(cString: name), entry.pw_uid, entry.pw_gid)
    }

    private static func group(_ text: String) -> gid_t? {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 65536)
        if getgrnam_r(text, &entry, &buffer, buffer.count, &found) == 0, found != nil { return entry.gr_gid }
        return Self.number(text)
    }

    /// The highest number means "unchanged" to setuid.
    private static func number(_ text: String) -> UInt32? {
        guard let number = UInt32(text), number != .max, text.utf8.first != UInt8(ascii: "+") else { return nil }
        return number
    }
}
