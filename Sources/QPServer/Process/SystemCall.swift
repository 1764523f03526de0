// SystemCall.swift
//
// System calls that are repeated when a signal interrupts them, and the texts of their errors.

import CLinuxShims
import Glibc

/// System calls.
enum SystemCall {
    /// Makes a call again for as long as signals interrupt it.
    static func retry<Number: SignedInteger>(_ call: () -> Number) -> Number {
        while true {
            let result = call()
            if result != -1 || errno != EINTR { return result }
        }
    }

    /// What an error number means.
    static func text(_ number: Int32) -> String { String(cString: qp_error_text(number)) }

    /// Writes everything to a descriptor, waiting for it if need be.
    /// - Returns: 0, or the error's number.
    static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var rest = bytes
        while !rest.isEmpty {
            let count = Self.retry { write(descriptor, rest.baseAddress, rest.count) }
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if count == 0 {
                return EIO
            } else if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wait, 1, 1000)
            } else {
                return errno
            }
        }
        return 0
    }

    /// The content of a small file such as those of /proc.
    static func smallFile(_ path: String, limit: Int = 4096) -> [UInt8]? {
        let descriptor = OwnedDescriptor(opening: path, O_RDONLY)
        guard descriptor.isOpen else { return nil }
        let content = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = max(0, Self.retry { read(descriptor.number, buffer.baseAddress, buffer.count) })
        }
        return content
    }

    /// Nanoseconds on a clock of the system.
    static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Lets the calling thread sleep.
    static func pause(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        var time = timespec(tv_sec: Int(clamping: seconds), tv_nsec: Int(clamping: attoseconds / 1_000_000_000))
        nanosleep(&time, nil)
    }

    static var monotonic: Int64 { Self.nanoseconds(CLOCK_MONOTONIC) }
    static var wall: Int64 { Self.nanoseconds(CLOCK_REALTIME) }

    /// Whether C would see the same text: a NUL would cut it.
    static func isPath(_ path: String) -> Bool { !path.isEmpty && !path.utf8.contains(0) }
}

/// A descriptor that is closed when its owner goes.
struct OwnedDescriptor: ~Copyable, Sendable {
    let number: Int32

    init(_ number: Int32) {
        self.number = number
    }

    /// Opens a file, close-on-exec; `isOpen` says whether that worked, `errno` why not.
    init(opening path: String, _ flags: Int32, mode: UInt32 = 0) {
        self.number = SystemCall.retry { open(path, flags | O_CLOEXEC, mode) }
    }

    var isOpen: Bool { self.number >= 0 }

    /// Gives the descriptor to another owner.
    consuming func release() -> Int32 {
        let number = self.number
        discard self
        return number
    }

    deinit {
        if self.number >= 0 { close(self.number) }
    }
}

/// Why the server cannot start; a text for the operator.
package struct StartError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, with the name of what it is wrong with.
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    init(_ what: String, errno number: Int32) {
        self.text = "\(what): \(SystemCall.text(number))"
    }

    package var description: String { self.text }
}
