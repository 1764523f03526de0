// SystemdNotify.swift
//
// What systemd is told: ready, stopping, still alive.

package import Glibc

/// Talks to the service manager that started the process.
package final class SystemdNotify: Sendable {
    /// How often `watchdog` is expected; nil: not at all. Half of it is a good pace.
    package let watchdogInterval: Duration?
    private let name: SocketName
    private let descriptor: OwnedDescriptor

    /// Nil if no service manager asked to be told.
    package init?(environment: [String: String], process: pid_t = getpid()) {
        guard let path = environment["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@"),
            let name = SocketName(path: path)
        else { return nil }
        let descriptor = OwnedDescriptor(socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        guard descriptor.isOpen else { return nil }
        self.name = name
        self.descriptor = descriptor
        let isOurs = environment["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
        let interval = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        self.watchdogInterval = isOurs && interval > 0 ? .microseconds(interval) : nil
    }

    /// All listeners accept.
    @discardableResult
    package func ready(status: String = "") -> Bool {
        self.send(status.isEmpty ? ["READY=1"] : ["READY=1", "STATUS=\(Self.line(status))"])
    }

    /// The server drains.
    @discardableResult
    package func stopping() -> Bool { self.send(["STOPPING=1"]) }

    /// The configuration is read again; `ready` follows.
    @discardableResult
    package func reloading() -> Bool {
        self.send(["RELOADING=1", "MONOTONIC_USEC=\(SystemCall.monotonic / 1000)"])
    }

    /// Every loop answers.
    @discardableResult
    package func watchdog() -> Bool { self.send(["WATCHDOG=1"]) }

    /// A line for `systemctl status`.
    @discardableResult
    package func status(_ text: String) -> Bool { self.send(["STATUS=\(Self.line(text))"]) }

    private static func line(_ text: String) -> String {
        String(decoding: text.utf8.prefix(512).map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
    }

    private func send(_ lines: [String]) -> Bool {
        let bytes = Array(lines.joined(separator: "\n").utf8)
        let count = self.name.with { address, length in
            SystemCall.retry {
                sendto(
                    self.descriptor.number, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT),
                    address, length)
            }
        }
        return count == bytes.count
    }
}
