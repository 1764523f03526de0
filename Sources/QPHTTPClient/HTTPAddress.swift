// HTTPAddress.swift
//
// RFC 3986 §3

import QPHooks

/// Addresses of HTTP, as texts.
package enum HTTPAddress {
    /// Host and port for logs and counts, never the name and password before them; nil if there are none.
    package static func host(of url: String) -> String? {
        let authority = Self.authority(of: url)
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        guard !host.isEmpty, host.utf8.count <= 255 else { return nil }
        return host.lowercased().logEscaped
    }

    /// `http` or `https`, if there is an authority behind it.
    static func scheme(of url: String) -> String? {
        guard let end = url.firstRange(of: "://"), !Self.authority(of: url).isEmpty else { return nil }
        let scheme = url[..<end.lowerBound].lowercased()
        return scheme == "http" || scheme == "https" ? scheme : nil
    }

    static func authority(of url: String) -> Substring {
        guard let end = url.firstRange(of: "://") else { return "" }
        return url[end.upperBound...].prefix { !"/?#\\".contains($0) }
    }

    /// What a reference means beside the address it was found at (RFC 3986 §5.2); dots in it are left to the server.
    static func resolve(_ reference: String, at base: String) -> String? {
        guard let end = base.firstRange(of: "://"), !reference.isEmpty else { return nil }
        let root = base[..<end.upperBound] + Self.authority(of: base)
        // A colon before any slash begins a scheme.
        if reference.prefix(while: { !"/?#".contains($0) }).contains(":") { return reference }
        if reference.hasPrefix("//") { return "\(base[..<end.lowerBound]):\(reference)" }
        if reference.hasPrefix("/") { return root + reference }
        let path = base[root.endIndex...].prefix { !"?#".contains($0) }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
        return root + folder + reference
    }
}
