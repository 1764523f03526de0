// UnavailableHTTP.swift
//
// What stands behind the HTTP seam until there is a client.

package import QPHooks

/// Refuses every request.
package struct UnavailableHTTP: HTTPFetcher {
    package init() {}

    package func fetch(
        _ request: HTTPRequest, limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> HTTPResponse {
        throw .unavailable("HTTP")
    }
}
