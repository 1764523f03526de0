// DNSTestServer.swift
//
// A DNS server for tests, that can do everything wrong.

import Glibc
import QPHooks
import Synchronization

@testable import QPServer

/// Answers by the first label of the name, see `reply`; everything in the one way that it is told; or out of a zone.
final class DNSTestServer: Sendable {
    let port: UInt16
    private let kind: String?
    private let udp: Int32
    private let tcp: BoundSocket
    private let zone: [String: [(type: UInt8, data: [UInt8])]]?
    private let isStopped = Atomic<Bool>(false)
    let questions = Atomic<Int>(0)
    /// The answer to `held` waits for it.
    let isReleased = Atomic<Bool>(false)

    /// With a zone, `NAME TYPE VALUE` a line (A, MX, PTR, TXT), only its names exist.
    init(always kind: String? = nil, zone: String? = nil) throws {
        self.kind = kind
        self.zone = zone.map(Self.records)
        self.tcp = try BoundSocket(IPAddress(ipv4: 0x7F00_0001), port: 0)
        self.port = self.tcp.port
        self.udp = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard SocketName(IPAddress(ipv4: 0x7F00_0001), port: self.port).with({ bind(self.udp, $0, $1) }) == 0 else {
            throw StartError("bind", errno: errno)
        }
        try WorkerThread.start("dns-test") { self.run() }
    }

    var address: String { "127.0.0.1:\(self.port)" }

    func stop() { self.isStopped.store(true, ordering: .relaxed) }

    private func run() {
        while !self.isStopped.load(ordering: .relaxed) {
            var waits = [
                pollfd(fd: self.udp, events: Int16(POLLIN), revents: 0),
                pollfd(fd: self.tcp.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&waits, 2, 50)
            if waits[0].revents != 0 { self.answerDatagram() }
            if waits[1].revents != 0 { self.answerStream() }
        }
        close(self.udp)
        self.tcp.close()
    }

    private func answerDatagram() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var from = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &from) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { from in
                let count = recvfrom(self.udp, &buffer, buffer.count, 0, from, &length)
                guard count > 0 else { return }
                self.answer(
                    Array(buffer.prefix(count)),
                    to: from.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee })
            }
        }
    }

    private func answer(_ query: [UInt8], to client: sockaddr_in) {
        let send: @Sendable () -> Void = {
            for reply in self.reply(query, isStream: false) {
                var client = client
                withUnsafePointer(to: &client) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                        _ = sendto(
                            self.udp, reply, reply.count, 0, address, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
            }
        }
        // One slow answer is not to hold up the next.
        guard self.kind == "late" else { return send() }
        try? WorkerThread.start("dns-late", send)
    }

    private func answerStream() {
        let peer = accept(self.tcp.descriptor, nil, nil)
        defer { close(peer) }
        var wait = pollfd(fd: peer, events: Int16(POLLIN), revents: 0)
        while poll(&wait, 1, 20) > 0 {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = read(peer, &buffer, buffer.count)
            guard count > 2 else { return }
            var rest = buffer[..<count]
            // A client that has several questions sends them in a row.
            while rest.count > 2 {
                let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
                self.answerStream(Array(rest.dropFirst(2).prefix(length)), to: peer)
                rest = rest.dropFirst(2 + length)
            }
        }
    }

    private func answerStream(_ query: [UInt8], to peer: Int32) {
        guard query.count > 12 else { return }
        for reply in self.reply(query, isStream: true) {
            let framed = [UInt8(reply.count >> 8), UInt8(reply.count & 255)] + reply
            _ = framed.withUnsafeBytes { SystemCall.writeAll($0, to: peer) }
        }
    }

    // MARK: Replies

    private func reply(_ query: [UInt8], isStream: Bool) -> [[UInt8]] {
        self.questions.wrappingAdd(1, ordering: .relaxed)
        var end = 12
        var labels: [String] = []
        while query[end] != 0 {
            let length = Int(query[end])
            labels.append(String(decoding: query[end + 1..<end + 1 + length], as: UTF8.self))
            end += 1 + length
        }
        let type = query[end + 2]
        let question = Array(query[12..<end + 5])
        if let zone = self.zone {
            return [Self.reply(zone[labels.joined(separator: ".").lowercased()], type, Array(query[0..<2]), question)]
        }
        var id = Array(query[0..<2])
        var flags: [UInt8] = [0x81, 0x80]
        let kind = self.kind ?? labels[0]
        var answers = Self.answers(kind, labels, type)
        switch kind {
        case "nx", "nxsoa": (flags[1], answers) = (0x83, [])
        case "nodatasoa": answers = []
        case "forged":
            let header = id + flags + [0, 1, 0, UInt8(answers.count), 0, 0, 0, 0]
            return [header + Self.name("other.example") + [0, type, 0, 1] + answers.joined()]
        case "servfail": (flags[1], answers) = (0x82, [])
        case "refused": (flags[1], answers) = (0x85, [])
        case "silent": return []
        case "wrongid": id[1] &+= 1
        case "garbage": return [id + [0x81]]
        case "short": return [id + flags + [0, 1, 0, 1, 0, 0, 0, 0] + question + [0xC0, 0x0C, 0, 1, 0, 1, 0, 0]]
        case "loop": answers = [[0xC0, UInt8(12 + question.count), 0, type, 0, 1, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4]]
        case "trunc" where !isStream: (flags[0], answers) = (0x83, [])
        case "late": usleep(150_000)
        case "held":
            while !self.isReleased.load(ordering: .relaxed), !self.isStopped.load(ordering: .relaxed) { usleep(1000) }
        default: break
        }
        // RFC 2308 §3: the zone's own word on how long there is nothing.
        let authorities = kind.hasSuffix("soa") ? [Self.authority(labels)] : []
        let header = id + flags + [0, 1, 0, UInt8(answers.count), 0, UInt8(authorities.count), 0, 0]
        return [header + question + answers.joined() + authorities.joined()]
    }

    private static func reply(
        _ records: [(type: UInt8, data: [UInt8])]?, _ type: UInt8, _ id: [UInt8], _ question: [UInt8]
    ) -> [UInt8] {
        let answers = (records ?? []).filter { $0.type == type }.map { Self.record(type, $0.data) }
        let header = id + [0x81, records == nil ? 0x83 : 0x80] + [0, 1, 0, UInt8(answers.count), 0, 0, 0, 0]
        return header + question + answers.joined()
    }

    private static func records(_ zone: String) -> [String: [(type: UInt8, data: [UInt8])]] {
        var records: [String: [(type: UInt8, data: [UInt8])]] = [:]
        for line in zone.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            guard words.count == 3 else { continue }
            let record: (type: UInt8, data: [UInt8])? =
                switch words[1] {
                case "A": IPAddress(words[2]).map { (1, $0.bytes) }
                case "PTR": (12, Self.name(words[2]))
                case "MX": (15, [0, 10] + Self.name(words[2]))
                case "TXT": (16, [UInt8(words[2].utf8.count)] + Array(words[2].utf8))
                default: nil
                }
            if let record { records[words[0], default: []].append(record) }
        }
        return records
    }

    private static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private static func octets(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func record(_ type: UInt8, _ data: [UInt8], lifetime: UInt32 = 60) -> [UInt8] {
        [0xC0, 0x0C, 0, type, 0, 1] + self.octets(lifetime) + [UInt8(data.count >> 8), UInt8(data.count & 255)] + data
    }

    /// The second label is the SOA's minimum, in seconds.
    private static func authority(_ labels: [String]) -> [UInt8] {
        let minimum = self.octets(UInt32(labels[1]) ?? 60)
        return self.record(
            6, self.name("ns.example") + self.name("root.example") + [UInt8](repeating: 0, count: 16) + minimum,
            lifetime: 3000)
    }

    /// Names that no host has.
    private static func hostileNames(_ type: UInt8) -> [[UInt8]] {
        // One name with a control octet makes the resolver refuse all names of an address: those are printable.
        let texts = ["../../escaped", "<x@d>", "%s%n", "$(id)", String(repeating: "x", count: 63)]
        let printable = texts.map { Array($0.utf8) }
        let controls: [[UInt8]] = [
            Array("\r\n250 forged".utf8), Array("\u{1B}[2J\u{7}".utf8), [0], [0xFF, 0xFE], Array("a\u{2028}b".utf8),
        ]
        let labels = type == 12 ? printable : controls + printable
        return labels.map { label in
            let name = [UInt8(label.count)] + label + self.name("example")
            return self.record(type, type == 15 ? [0, 10] + name : name)
        }
    }

    /// Texts that are to become lines of a reply or of a log.
    private static let hostileTexts: [[UInt8]] = [
        Array("listed\r\n250 forged\r\n2026-01-01T00:00:00.000Z ERROR forged".utf8),
        Array("\u{1B}]0;owned\u{7}\u{1B}[2J\u{0}\u{8}\u{7F}".utf8), Array("%IP% %s %n ${HOME}".utf8),
        [0xFF, 0xFE, 0xC0, 0x80, 0xE2, 0x80, 0xA8, 0xC2, 0x85, 0xC2, 0x9B],
        Array(repeating: UInt8(ascii: "x"), count: 255),
    ].map { record(16, [UInt8($0.count)] + $0) }

    private static func answers(_ kind: String, _ labels: [String], _ type: UInt8) -> [[UInt8]] {
        if labels.last == "arpa", labels[0] == "9" { return [] }
        switch (kind, type) {
        case ("hostile", 1): return [self.record(1, [127, 0, 0, 2])]
        case ("hostile", 12), ("hostile", 15): return self.hostileNames(type)
        case ("hostile", 16): return self.hostileTexts
        case ("nodata", _): return []
        case ("ttl", 1):
            // The shortest lifetime counts.
            return [
                self.record(1, [192, 0, 2, 1], lifetime: 0x7FFF_FFFF),
                self.record(1, [192, 0, 2, 2], lifetime: UInt32(labels[1]) ?? 0),
            ]
        case ("nullmx", 15): return [self.record(15, [0, 0, 0])]
        case ("evil", 15):
            return [
                self.record(15, [0, 1, 3, 0x0A, 0x1B, 0x5B, 0]), self.record(15, [0, 2] + self.name("b.example")),
            ]
        case ("cname", 1):
            return [
                self.record(5, self.name("real.example")),
                self.name("real.example") + self.record(1, [192, 0, 2, 9]).dropFirst(2),
            ]
        case ("many", 1): return (0..<100).map { self.record(1, [10, 0, 0, $0]) }
        case (_, 1): return [self.record(1, [192, 0, 2, 1]), self.record(1, [192, 0, 2, 2])]
        case (_, 28): return [self.record(28, [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1])]
        case ("ttl", 2): return [self.record(2, self.name("ns.example"), lifetime: UInt32(labels[1]) ?? 0)]
        case (_, 2): return [self.record(2, self.name("ns1.example")), self.record(2, self.name("ns2.example"))]
        case (_, 12): return [self.record(12, self.name("a.example")), self.record(12, self.name("b.example"))]
        case (_, 15):
            return [(20, "late.example"), (10, "first.example"), (10, "second.example")].map {
                self.record(15, [0, $0.0] + self.name($0.1))
            }
        case (_, 16):
            return [
                self.record(16, [5] + Array("v=spf".utf8) + [3] + Array("1 -".utf8)), self.record(16, [2, 0xFF, 0x41]),
                self.record(16, [0]),
            ]
        default: return []
        }
    }
}
