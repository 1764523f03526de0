// SocketClient.swift
//
// A client over a real socket. It blocks, with time limits: run it with `offPool`.

import Glibc
import QPHooks

@testable import QPServer

/// Runs what blocks on a thread of its own, so that no thread of Swift's pool waits.
func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        do {
            try WorkerThread.start("test client") { continuation.resume(with: Swift.Result { try body() }) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}

/// MSG_NOSIGNAL.
private let noSignal = Int32(0x4000)

/// One connection to a server under test.
final class SocketClient {
    enum Failure: Error, CustomStringConvertible {
        case system(String, Int32)
        case timeout(String)
        case ended
        case reset
        case notSMTP(String)

        var description: String {
            switch self {
            case .system(let what, let number): "\(what): \(String(cString: strerror(number)))"
            case .timeout(let what): "nothing within the time limit: \(what)"
            case .ended: "the server closed"
            case .reset: "the server reset the connection"
            case .notSMTP(let line): "not a reply: \(line)"
            }
        }
    }

    /// A reply, with all its lines.
    struct Answer: Sendable {
        let code: Int
        let lines: [String]
    }

    private let descriptor: Int32
    private let limit: Int32
    private var input: [UInt8] = []
    private var isEnded = false

    /// Connects; `source` is the client's own address.
    init(_ address: IPAddress, port: UInt16, from source: IPAddress? = nil, seconds: Int32 = 10) throws {
        let family = address.isIPv4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system("socket", errno) }
        self.descriptor = descriptor
        self.limit = seconds * 1000
        if let source {
            guard SocketName(source, port: 0).with({ bind(descriptor, $0, $1) }) == 0 else {
                throw Failure.system("bind", errno)
            }
        }
        guard SocketName(address, port: port).with({ connect(descriptor, $0, $1) }) == 0 else {
            throw Failure.system("connect", errno)
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(self.descriptor) }

    func send(_ text: String) throws { try self.send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try self.wait(for: POLLOUT, "to write")
            let count = rest.withUnsafeBytes {
                Glibc.send(self.descriptor, $0.baseAddress, $0.count, noSignal)
            }
            guard count > 0 else { throw Failure.system("send", errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// Says that nothing more comes.
    func endOutput() { shutdown(self.descriptor, Int32(SHUT_WR)) }

    /// Makes the close a reset.
    func resetOnClose() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    /// Sends a line and reads its reply.
    func say(_ line: String) throws -> Answer {
        try self.send(line + "\r\n")
        return try self.answer()
    }

    /// The next reply.
    func answer() throws -> Answer {
        var lines: [String] = []
        while true {
            let line = try self.line()
            guard let code = Int(line.prefix(3)), line.utf8.count >= 3 else { throw Failure.notSMTP(line) }
            lines.append(String(line.dropFirst(4)))
            if line.utf8.dropFirst(3).first != UInt8(ascii: "-") { return Answer(code: code, lines: lines) }
        }
    }

    /// The next reply as it came: the octets of each line, without CRLF.
    func octets() throws -> [[UInt8]] {
        var lines: [[UInt8]] = []
        while true {
            let line = try self.lineOctets()
            lines.append(line)
            if line.dropFirst(3).first != UInt8(ascii: "-") { return lines }
        }
    }

    /// Whether the server closes now, without another word.
    func isClosed() throws -> Bool {
        while !self.isEnded, self.input.isEmpty { try self.fill() }
        return self.input.isEmpty
    }

    /// Everything until the server closes.
    func rest() throws -> String {
        while !self.isEnded { try self.fill() }
        return String(decoding: self.input, as: UTF8.self)
    }

    private func line() throws -> String { String(decoding: try self.lineOctets(), as: UTF8.self) }

    private func lineOctets() throws -> [UInt8] {
        while true {
            if let end = self.input.firstIndex(of: 10) {
                let line = self.input[..<end]
                guard line.last == 13 else { throw Failure.notSMTP(String(decoding: line, as: UTF8.self)) }
                let octets = Array(line.dropLast())
                self.input.removeSubrange(...end)
                return octets
            }
            if self.isEnded { throw Failure.ended }
            try self.fill()
        }
    }

    private func fill() throws {
        try self.wait(for: POLLIN, "to read")
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(self.descriptor, &buffer, buffer.count, 0)
        if count < 0 { throw errno == ECONNRESET ? Failure.reset : Failure.system("recv", errno) }
        self.isEnded = count == 0
        self.input += buffer.prefix(count)
    }

    private func wait(for event: Int32, _ what: String) throws {
        var wait = pollfd(fd: self.descriptor, events: Int16(event), revents: 0)
        let count = SystemCall.retry { poll(&wait, 1, self.limit) }
        guard count > 0 else { throw Failure.timeout(what) }
    }
}
