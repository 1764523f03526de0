// RawClient.swift
//
// HTTP/1.1 over a blocking socket, as plain as can be.

import Glibc
import Testing

/// What came back.
struct RawAnswer {
    var status = 0
    var fields: [String: String] = [:]
    var body = ""
}

/// A client that waits.
final class RawClient {
    enum Failure: Error { case connect, closed }

    private var descriptor: Int32
    private var buffer: [UInt8] = []

    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer {
            setsockopt(self.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure.connect }
        self.setPatience()
    }

    init(path: String) throws {
        self.descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.unixAddress(path)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw Failure.connect }
        self.setPatience()
    }

    deinit { self.close() }

    static func unixAddress(_ path: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            room.copyBytes(from: path.utf8.prefix(room.count - 1))
        }
        return address
    }

    private func setPatience() {
        var time = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(self.descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    func close() {
        if self.descriptor >= 0 { Glibc.close(self.descriptor) }
        self.descriptor = -1
    }

    /// Says that nothing more will be sent.
    func finish() { shutdown(self.descriptor, Int32(SHUT_WR)) }

    /// - Returns: false if the other side is gone.
    @discardableResult
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    func request(
        _ method: String, _ target: String, host: String? = "localhost", _ fields: [String] = [], body: String? = nil
    ) throws -> RawAnswer {
        var text = "\(method) \(target) HTTP/1.1\r\n"
        if let host { text += "Host: \(host)\r\n" }
        for field in fields { text += field + "\r\n" }
        if let body { text += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
        self.send(text + "\r\n" + (body ?? ""))
        return try self.answer(hasBody: method != "HEAD")
    }

    func answer(hasBody: Bool = true) throws -> RawAnswer {
        var answer = RawAnswer()
        let head = try self.read(until: "\r\n\r\n").split(separator: "\r\n")
        answer.status = Int(head.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
        for line in head.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            answer.fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        if hasBody, let length = answer.fields["content-length"].flatMap({ Int($0) }) {
            answer.body = try self.read(length)
        }
        return answer
    }

    /// A chunk of a chunked answer; `nil`: the last.
    func chunk() throws -> String? {
        let size = Int(try self.read(until: "\r\n").dropLast(), radix: 16) ?? 0
        let text = try self.read(size)
        _ = try self.read(2)
        return size == 0 ? nil : text
    }

    /// All chunks to the end.
    func chunks() throws -> String {
        var text = ""
        while let chunk = try self.chunk() { text += chunk }
        return text
    }

    func read(_ count: Int) throws -> String {
        while self.buffer.count < count { try self.fill() }
        defer { self.buffer.removeFirst(count) }
        return String(decoding: self.buffer.prefix(count), as: UTF8.self)
    }

    func read(until end: String) throws -> String {
        let end = Array(end.utf8)
        while true {
            if let range = self.buffer.firstRange(of: end) { return try self.read(range.upperBound) }
            try self.fill()
        }
    }

    /// Everything until the other side closes.
    func rest() -> String {
        while (try? self.fill()) != nil {}
        defer { self.buffer = [] }
        return String(decoding: self.buffer, as: UTF8.self)
    }

    private func fill() throws {
        var room = [UInt8](repeating: 0, count: 65_536)
        let count = recv(self.descriptor, &room, room.count, 0)
        guard count > 0 else { throw Failure.closed }
        self.buffer += room[..<count]
    }
}
