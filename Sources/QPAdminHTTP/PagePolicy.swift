// PagePolicy.swift
//
// What every answer carries: its date, and what browsers may do with it.

import Crypto
import FoundationEssentials
import Hummingbird
import HummingbirdCore

/// Fields against scripts that are not ours, frames, guessing of types, and caches.
enum PagePolicy {
    /// For the page: its own script and style, by their hashes, and requests back to here.
    static let page = [
        "default-src 'none'",
        "script-src " + Self.hashes(of: "script", in: AdminPage.html),
        "style-src " + Self.hashes(of: "style", in: AdminPage.html),
        "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")

    private static let nothing = "default-src 'none'; frame-ancestors 'none'"

    static func secure(_ response: inout Response) {
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = Self.nothing
        }
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.cacheControl] = "no-store"
        response.headers[.date] = HTTPDate.now
        for (name, value) in Self.further { response.headers[name] = value }
    }

    private static let further: [(FieldName, String)] = [
        ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
    ].compactMap { name, value in FieldName(name).map { ($0, value) } }

    /// Sources for all elements of a name.
    static func hashes(of element: String, in page: String) -> String {
        var result: [String] = []
        var rest = page[...]
        while let start = rest.firstRange(of: "<\(element)"), let open = rest[start.upperBound...].firstIndex(of: ">"),
            let end = rest[open...].firstRange(of: "</\(element)>")
        {
            let text = rest[rest.index(after: open)..<end.lowerBound]
            let hash = Data(SHA256.hash(data: Array(text.utf8))).base64EncodedString()
            result.append("'sha256-\(hash)'")
            rest = rest[end.upperBound...]
        }
        return result.isEmpty ? "'none'" : result.joined(separator: " ")
    }
}
