// Session+TLS.swift
//
// RFC 3207: STARTTLS.

import QPHooks

extension Session {
    /// The line of EHLO for STARTTLS, if it may be used now.
    var startTLSOffer: String { "" }

    func heardStartTLS(_ line: ClientLine) { self.heardUnknown(line) }
}
