// MeteredResolver.swift
//
// The DNS, counted.

package import QPHooks

/// A resolver that may know an answer without asking anybody.
package protocol RememberingResolver: Resolver {
    /// What it knows.
    func remembered(_ question: DNSQuestion) -> Result<DNSAnswer, DNSError>?
}

/// Counts questions, but not those that nobody had to be asked. A name that does not exist is an answer like any other.
package struct MeteredResolver: Resolver {
    private static let name = "resolver"

    private let resolver: any Resolver
    private let memory: (any RememberingResolver)?
    private let meters: ExternalMeters

    package init(_ resolver: any Resolver, _ meters: ExternalMeters) {
        self.resolver = resolver
        self.memory = resolver as? any RememberingResolver
        self.meters = meters
        meters.expect(.dns, Self.name)
    }

    package func resolve(
        _ question: DNSQuestion, timeout: Duration, origin: EffectOrigin
    ) async throws(DNSError) -> DNSAnswer {
        if let known = self.memory?.remembered(question) { return try known.get() }
        return try await self.meters.measure(.dns, Self.name, failure: Self.result) { () async throws(DNSError) in
            try await self.resolver.resolve(question, timeout: timeout, origin: origin)
        }
    }

    private static func result(_ error: DNSError) -> ExternalMeters.Result {
        switch error {
        case .noSuchName, .noData: .ok
        case .temporary(let text): .error(text)
        case .timedOut: .timeout("timed out")
        }
    }
}
