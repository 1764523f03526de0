// ClientHelloTests.swift
//
// RFC 8446 §4.1.2, §4.1.3: the two messages that are looked into.

import Testing

@testable import QPServer

struct ClientHelloTests {
    private static let suites: [UInt16] = [0x1301, 0xC02F]

    private func hello(_ name: String?, kind: UInt8 = 0) -> [UInt8] {
        var extensions: [UInt8] = [0, 23, 0, 0]
        if let name {
            let octets = Array(name.utf8)
            let entry = [kind] + Self.length(octets.count) + octets
            extensions += [0, 0] + Self.length(entry.count + 2) + Self.length(entry.count) + entry
        }
        var body: [UInt8] = [3, 3] + Array(repeating: 9, count: 32) + [2, 1, 1, 0, 4, 0x13, 0x01, 0xC0, 0x2F, 1, 0]
        body += Self.length(extensions.count) + extensions
        return [1, 0] + Self.length(body.count) + body
    }

    private static func length(_ count: Int) -> [UInt8] { [UInt8(count >> 8), UInt8(count & 0xFF)] }

    private func record(_ message: some Collection<UInt8>) -> [UInt8] {
        [22, 3, 1] + Self.length(message.count) + Array(message)
    }

    @Test(
        arguments: [
            ("mx.example.com", "mx.example.com"), ("MX.Example.COM.", "mx.example.com"), (nil, nil), ("", nil),
            ("a b", nil), ("x\r\nforged", nil), (String(repeating: "a", count: 254), nil),
        ] as [(String?, String?)])
    func names(_ name: String?, _ expected: String?) {
        #expect(ClientHello.read(self.record(self.hello(name))) == .complete(serverName: expected, suites: Self.suites))
    }

    @Test func pieces() {
        let message = self.hello("mx.example.com")
        let whole = self.record(message)
        for count in 0..<whole.count {
            guard case .incomplete(let wanted) = ClientHello.read(Array(whole[..<count])) else {
                Issue.record("\(count) octets are enough")
                return
            }
            #expect(wanted > count)
        }
        let fragments = self.record(message[..<7]) + self.record(message[7...])
        #expect(ClientHello.read(fragments) == .complete(serverName: "mx.example.com", suites: Self.suites))
        #expect(ClientHello.read(whole + [1, 2, 3]) == .complete(serverName: "mx.example.com", suites: Self.suites))
    }

    @Test(
        arguments: [
            [23, 3, 1, 0, 1, 0], [22, 3, 1, 0, 0], [22, 3, 1, 0xFF, 0xFF], [22, 3, 1, 0, 4, 2, 0, 0, 0],
            [22, 3, 1, 0, 4, 1, 0xFF, 0xFF, 0xFF],
        ] as [[UInt8]])
    func nonsense(_ octets: [UInt8]) {
        #expect(ClientHello.read(octets) == .unreadable)
    }

    @Test func manySmallRecordsAreGivenUp() {
        let drops = (0..<64).flatMap { _ in self.record([1]) }
        #expect(ClientHello.read(drops) == .unreadable)
    }

    @Test(
        arguments: [
            ([], []), ([0, 0, 0], []), ([0, 0, 2, 0x13, 0x01], [0x1301]), ([0, 0, 3, 0x13, 0x01, 0xC0], [0x1301]),
            ([0, 0, 4, 0x13, 0x01], []), ([1, 7, 0, 2, 0x13, 0x02, 9], [0x1302]),
        ] as [([UInt8], [UInt16])])
    func suitesOf(_ rest: [UInt8], _ expected: [UInt16]) {
        let body: [UInt8] = [3, 3] + Array(repeating: 9, count: 32) + rest
        let message = [1, 0] + Self.length(body.count) + body
        #expect(ClientHello.read(self.record(message)) == .complete(serverName: nil, suites: expected))
    }

    /// Cut or changed anywhere, nothing is read beyond the end.
    @Test func damaged() {
        let whole = self.record(self.hello("mx.example.com"))
        for index in 5..<whole.count {
            for value in [0, 1, 0x7F, 0xFF] as [UInt8] {
                var octets = whole
                octets[index] = value
                _ = ClientHello.read(octets)
            }
        }
    }

    @Test func suiteOfTheServer() {
        let hello: [UInt8] =
            [22, 3, 3, 0, 60, 2, 0, 0, 56, 3, 3] + Array(repeating: 1, count: 32) + [2, 8, 8, 0x13, 0x02, 0]
        #expect(ServerHelloReader.suite(hello) == 0x1302)
        #expect(ServerHelloReader.suite([21, 3, 3, 0, 2, 2, 70]) == nil)
        #expect(ServerHelloReader.suite([UInt8]()) == nil)
        for count in 0..<46 { #expect(ServerHelloReader.suite(hello.prefix(count)) == nil) }
        #expect(CipherSuiteName.of(0x1302) == "TLS_AES_256_GCM_SHA384")
        #expect(CipherSuiteName.of(0x000A) == "0x000A")
    }
}
