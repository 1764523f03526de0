// LogDevice.swift
//
// What lines are written to. Used by one thread at a time; any of it may block.

import CLinuxShims
import Glibc
import QPHooks

/// An open output.
protocol LogDevice: Sendable {
    /// Takes a line; `flush` follows.
    mutating func write(_ event: LoggingEvent, _ formatter: inout LogFormatter)
    /// Writes what was taken.
    /// - Returns: lines that were lost.
    mutating func flush() -> Int
    /// Opens the output again.
    /// - Returns: why not.
    mutating func reopen() -> String?
    mutating func close()
}

/// Lines on a descriptor: standard error or a file.
struct StreamDevice: LogDevice {
    private let format: LogFormat
    private let path: String?
    private var descriptor: Int32
    private var buffer: [UInt8] = []
    private var lines = 0
    /// The last write ended within a line.
    private var isTorn = false

    /// Standard error.
    init(format: LogFormat) {
        self.format = format
        self.path = nil
        self.descriptor = STDERR_FILENO
    }

    /// A file, which is made if needed.
    init(path: String, format: LogFormat) throws(StartError) {
        self.format = format
        self.path = path
        self.descriptor = try Self.open(path)
    }

    static func open(_ path: String) throws(StartError) -> Int32 {
        let descriptor = OwnedDescriptor(
            opening: path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK, mode: 0o640)
        guard descriptor.isOpen else { throw StartError("log file \(path)", errno: errno) }
        return descriptor.release()
    }

    mutating func write(_ event: LoggingEvent, _ formatter: inout LogFormatter) {
        self.write(formatter.line(event, self.format))
    }

    /// Takes a finished line with its end.
    mutating func write(_ line: String) {
        self.buffer.append(contentsOf: line.utf8)
        self.lines += 1
    }

    mutating func flush() -> Int {
        guard !self.buffer.isEmpty else { return 0 }
        if self.isTorn { self.buffer.insert(UInt8(ascii: "\n"), at: 0) }
        let error = self.buffer.withUnsafeBytes { SystemCall.writeAll($0, to: self.descriptor) }
        // How much of it was written is not known: whatever comes next begins on a line of its own.
        self.isTorn = error != 0
        defer {
            self.buffer.removeAll(keepingCapacity: self.buffer.count < 1 << 18)
            self.lines = 0
        }
        return error == 0 ? 0 : self.lines
    }

    mutating func reopen() -> String? {
        guard let path = self.path else { return nil }
        do throws(StartError) {
            let descriptor = try Self.open(path)
            _ = Glibc.close(self.descriptor)
            self.descriptor = descriptor
            self.isTorn = false
            return nil
        } catch {
            return error.text
        }
    }

    mutating func close() {
        guard self.path != nil, self.descriptor >= 0 else { return }
        _ = Glibc.close(self.descriptor)
        self.descriptor = -1
    }
}

/// The system's log.
struct SyslogDevice: LogDevice {
    private let format: LogFormat

    init(facility: String, format: LogFormat) {
        self.format = format
        qp_openlog("qpserver", LogDestination.facilities[facility] ?? Int32(LOG_MAIL))
    }

    mutating func write(_ event: LoggingEvent, _ formatter: inout LogFormatter) {
        // Time and level are the system log's own.
        let line =
            switch self.format {
            case .text: LogFormatter.body(event)
            case .qpsmtpd: formatter.qpsmtpd(event)
            case .json: String(formatter.line(event, .json).dropLast())
            }
        qp_syslog(Int32(event.level.rawValue), line)
    }

    mutating func flush() -> Int { 0 }
    mutating func reopen() -> String? { nil }
    mutating func close() {}
}

/// The journal, in its own protocol: a datagram of fields for each line. Without a journal lines go to standard error.
struct JournalDevice: LogDevice {
    private let name: SocketName?
    private let descriptor: Int32
    private var fallback = StreamDevice(format: .text)

    init(socketPath: String) {
        self.name = SocketName(path: socketPath)
        self.descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        // The largest line must fit.
        var size: Int32 = 1 << 20
        setsockopt(self.descriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    mutating func write(_ event: LoggingEvent, _ formatter: inout LogFormatter) {
        let bytes = Array(Self.datagram(event).utf8)
        let descriptor = self.descriptor
        let count = self.name?.with { address, length in
            SystemCall.retry { sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), address, length) }
        }
        if count != bytes.count { self.fallback.write(event, &formatter) }
    }

    /// Escaped values have no line ends, so that each field is one line.
    static func datagram(_ event: LoggingEvent) -> String {
        var out = "PRIORITY=\(event.level.rawValue)\nSYSLOG_IDENTIFIER=qpserver\nMESSAGE=\(LogFormatter.body(event))\n"
        if let session = event.session { out += "QP_SESSION=\(session)\n" }
        if event.transaction != 0 { out += "QP_TRANSACTION=\(event.transaction)\n" }
        if event.sessionNumber != 0 { out += "QP_NUMBER=\(event.sessionNumber)\n" }
        if let plugin = event.plugin { out += "QP_PLUGIN=\(plugin.logEscaped)\n" }
        if let hook = event.hook { out += "QP_HOOK=\(hook.name)\n" }
        for field in event.fields.prefix(32) {
            out += "\(Self.fieldName(field.name))=\(LogFormatter.cut(field.value, 4096).logEscaped)\n"
        }
        return out
    }

    /// Capital letters, digits and `_`, at most 64.
    private static func fieldName(_ name: String) -> String {
        let bytes = name.utf8.prefix(56).map { byte -> UInt8 in
            switch byte {
            case 0x61...0x7A: byte - 0x20
            case 0x41...0x5A, 0x30...0x39: byte
            default: UInt8(ascii: "_")
            }
        }
        return "QP_F_" + String(decoding: bytes, as: UTF8.self)
    }

    mutating func flush() -> Int { self.fallback.flush() }
    mutating func reopen() -> String? { nil }

    mutating func close() {
        _ = Glibc.close(self.descriptor)
    }
}
