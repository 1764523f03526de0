// HTTPRedirect.swift
//
// RFC 9110 §15.4

import QPHooks

/// Where a response sends the client.
enum HTTPRedirect {
    /// The target of a redirection.
    static func target(of status: UInt, _ location: String?) -> String? {
        [301, 302, 303, 307, 308].contains(status) ? location : nil
    }

    /// The request to send instead: over the same scheme, and with no secrets for another host.
    static func next(
        _ request: HTTPRequest, _ status: UInt, _ target: String, _ what: String
    ) throws(EffectError) -> HTTPRequest {
        guard let scheme = HTTPAddress.scheme(of: request.url),
            let url = HTTPAddress.resolve(target, at: request.url),
            HTTPAddress.scheme(of: url) == scheme
        else { throw .failed("\(what): redirected to where it may not go") }
        var next = request
        next.url = url
        if status == 303 || status < 303 && request.method == "POST" {
            next.method = request.method == "HEAD" ? "HEAD" : "GET"
            next.body = []
            next.fields = next.fields.filter { $0.first?.lowercased().hasPrefix("content-") == false }
        }
        if HTTPAddress.authority(of: url) != HTTPAddress.authority(of: request.url) {
            let secrets = ["authorization", "cookie", "proxy-authorization", "host"]
            next.fields = next.fields.filter { !secrets.contains($0.first?.lowercased() ?? "") }
        }
        return next
    }
}
