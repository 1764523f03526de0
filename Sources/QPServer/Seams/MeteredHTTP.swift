// MeteredHTTP.swift
//
// HTTP requests of plugins, counted by host.

import QPHTTPClient
package import QPHooks

/// Counts requests. A status of 500 and above is a failure of the one who was asked.
package struct MeteredHTTP: HTTPFetcher {
    private let fetcher: any HTTPFetcher
    private let meters: ExternalMeters

    package init(_ fetcher: any HTTPFetcher, _ meters: ExternalMeters) {
        self.fetcher = fetcher
        self.meters = meters
    }

    package func fetch(
        _ request: HTTPRequest, limit: Int, timeout: Duration, origin: EffectOrigin
    ) async throws(EffectError) -> HTTPResponse {
        try await self.meters.measure(
            .http, Self.host(request.url), failure: ExternalMeters.Result.of,
            success: { $0.status >= 500 ? .error("HTTP status \($0.status)") : .ok }
        ) { () async throws(EffectError) in
            try await self.fetcher.fetch(request, limit: limit, timeout: timeout, origin: origin)
        }
    }

    /// Host and port of an address, never the name and password before them.
    static func host(_ url: String) -> String {
        HTTPAddress.host(of: url) ?? ExternalMeters.other
    }
}
