// Session+RequireTLS.swift
//
// RFC 8689 §2: REQUIRETLS is there under TLS only.

import QPHooks

extension Session {
    /// The line of EHLO for REQUIRETLS, if it may be used now.
    var requireTLSOffer: String {
        self.state.tls != nil && self.generation.offered.contains(.requireTLS) ? "250-REQUIRETLS\r\n" : ""
    }

    /// The extensions that a client in clear or under TLS may use.
    var offeredNow: Set<ServiceExtension> {
        self.state.tls == nil ? self.generation.offeredInClear : self.generation.offered
    }
}
