// Session+Auth.swift
//
// RFC 4954: AUTH.

import QPHooks

extension Session {
    /// The line of EHLO for AUTH, if it may be used now.
    var authOffer: String { "" }

    func heardAuth(_ line: ClientLine) { self.heardUnknown(line) }
}
