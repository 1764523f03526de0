// SystemLogSocket.swift
//
// RFC 3164 §4.1, as the C library writes it to the local socket

import Glibc
import QPHooks

/// The system's log for logging plugins, each under its own name, which openlog(3) has only one of. Used by one thread
/// at a time.
final class SystemLogSocket: Sendable {
    private let name: SocketName?
    private let descriptor: Int32

    init(path: String = "/dev/log") {
        self.name = SocketName(path: path)
        self.descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    deinit {
        _ = Glibc.close(self.descriptor)
    }

    /// A line: priority, time, name and process, text.
    static func datagram(_ line: PluginLine, ident: String, facility: String) -> String {
        let priority = (LineTarget.facilities[facility] ?? 2) * 8 + Int(line.level.rawValue)
        let zone = LogFormatter.zone(at: line.wallTime)
        let time = TimeFormat("%b %e %H:%M:%S").text(line.wallTime, zone: zone)
        return "<\(priority)>\(time) \(ident)[\(getpid())]: \(line.text)"
    }

    /// Sends a line; false if nobody takes it now.
    func send(_ line: String) -> Bool {
        let bytes = Array(line.utf8)
        let descriptor = self.descriptor
        let count = self.name?.with { address, length in
            SystemCall.retry {
                sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT), address, length)
            }
        }
        return count == bytes.count
    }
}
