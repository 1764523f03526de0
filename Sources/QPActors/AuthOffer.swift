// AuthOffer.swift
//
// RFC 4954 §3: which mechanisms a configuration's plugins make possible.

import QPHooks

/// The mechanisms of a configuration.
struct AuthOffer: Sendable {
    private let mechanisms: Set<SASLMechanism>

    /// A generic `auth` handler makes the three of qpsmtpd possible; SCRAM and EXTERNAL only if its plugin says so.
    init(_ chains: SessionChains, _ plugins: [LoadedPlugin]) {
        var mechanisms: Set<SASLMechanism> = []
        if !chains.authPlain.isEmpty { mechanisms.insert(.plain) }
        if !chains.authLogin.isEmpty { mechanisms.insert(.login) }
        if !chains.authCramMD5.isEmpty { mechanisms.insert(.cramMD5) }
        for plugin in plugins where plugin.hooks.contains(.auth) {
            let declared = plugin.declarations.mechanisms
            mechanisms.formUnion(declared.isEmpty ? [.plain, .login, .cramMD5] : declared)
        }
        if mechanisms.contains(.scramSHA1) { mechanisms.insert(.scramSHA1Plus) }
        if mechanisms.contains(.scramSHA256) { mechanisms.insert(.scramSHA256Plus) }
        self.mechanisms = mechanisms
    }

    var isEmpty: Bool { self.mechanisms.isEmpty }

    /// What a client may use now, strongest first.
    func mechanisms(for tls: TLSFacts?) -> [SASLMechanism] {
        SASLMechanism.allCases.filter { mechanism in
            guard self.mechanisms.contains(mechanism) else { return false }
            if mechanism == .external { return tls?.clientCertificate?.isVerified == true }
            return !mechanism.bindsChannel || tls?.serverEndPoint.isEmpty == false
        }
    }
}
