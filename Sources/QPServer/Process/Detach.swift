// Detach.swift
//
// Going on in the background, as daemons of old do.

import CLinuxShims
import Glibc

/// Becomes a daemon.
package enum Detach {
    /// Goes on in a child process in a session of its own, with its standard streams on the null device; the parent
    /// ends with status 0. The working directory stays, so that relative paths keep their meaning. Only the calling
    /// thread survives a fork: this comes before any other is started.
    package static func now() throws(StartError) {
        if let threads = Self.threads, threads > 1 {
            throw StartError("cannot detach: \(threads) threads run already")
        }
        guard qp_detach() == 0 else { throw StartError("cannot detach", errno: errno) }
    }

    private static var threads: Int? {
        guard let status = SystemCall.smallFile("/proc/self/status") else { return nil }
        let line = status.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: "Threads:".utf8) }
        return line.flatMap { line in
            Int(String(decoding: line.dropFirst(8).filter { $0 > 0x20 }, as: UTF8.self))
        }
    }
}
