// AdminClient.swift
//
// Requests to the admin endpoint of a server under test.

import FoundationEssentials
import QPTelemetry
import Testing

@testable import QPServer

/// What came back.
struct AdminAnswer: Sendable {
    let status: Int
    let head: String
    let body: String

    /// What a terminal or a page could take for more than text; lines may end.
    var controls: [UInt32] {
        self.body.unicodeScalars.filter { scalar in
            switch scalar.properties.generalCategory {
            case .control: scalar != "\n"
            case .format, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }.map(\.value)
    }

    func value<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try AdminClient.decode(type, self.body)
    }

    /// The rows of a stream of lines.
    func lines<Value: Decodable>(of type: Value.Type) throws -> [Value] {
        try self.body.split(separator: "\n").map { try AdminClient.decode(type, String($0)) }
    }
}

enum AdminClient {
    static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(text.utf8))
    }

    /// One request on a connection of its own. Blocks.
    static func ask(
        _ port: UInt16, _ method: String, _ target: String, _ fields: [String], body: String?
    ) throws -> AdminAnswer {
        let client = try SocketClient(TestServer.v4, port: port, seconds: 20)
        var text = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        for field in fields { text += field + "\r\n" }
        if let body { text += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
        try client.send(text + "\r\n" + (body ?? ""))
        let answer = try client.rest()
        guard let end = answer.firstRange(of: "\r\n\r\n") else { throw SocketClient.Failure.notSMTP(answer) }
        let head = String(answer[..<end.lowerBound])
        let rest = String(answer[end.upperBound...])
        let isChunked = head.lowercased().contains("transfer-encoding: chunked")
        return AdminAnswer(
            status: Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0, head: head,
            body: isChunked ? Self.joined(rest) : rest)
    }

    /// RFC 9112 §7.1
    private static func joined(_ text: String) -> String {
        var octets = Array(text.utf8)[...]
        var result: [UInt8] = []
        while let end = octets.firstIndex(of: 0x0A) {
            let size = String(decoding: octets[..<end], as: UTF8.self).filter(\.isHexDigit)
            guard let count = Int(size, radix: 16), count > 0 else { break }
            result += octets[octets.index(after: end)...].prefix(count)
            octets = octets.dropFirst(end - octets.startIndex + 1 + count + 2)
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension OperatedServer {
    /// Asks; `token: nil` is somebody without one.
    @discardableResult
    func ask(
        _ method: String, _ target: String, as token: Token? = .admin, accept: String? = nil, body: String? = nil
    ) async throws -> AdminAnswer {
        var fields: [String] = []
        if let token { fields.append("Authorization: Bearer \(token.secret)") }
        if let accept { fields.append("Accept: \(accept)") }
        let (port, given) = (self.adminPort, fields)
        return try await offPool { try AdminClient.ask(port, method, target, given, body: body) }
    }

    /// Asks for a row.
    func get<Value: Decodable>(
        _ type: Value.Type = Value.self, _ target: String, as token: Token? = .admin
    ) async throws -> Value {
        let answer = try await self.ask("GET", target, as: token)
        #expect(answer.status == 200, "\(target): \(answer.body)")
        return try answer.value()
    }

    /// The samples of /metrics by name and labels.
    func samples() async throws -> [String: Double] {
        let text = try await self.ask("GET", "/metrics", as: .scrape).body
        var samples: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let blank = line.lastIndex(of: " "), let value = Double(line[line.index(after: blank)...]) else {
                continue
            }
            samples[String(line[..<blank])] = value
        }
        return samples
    }

    /// The numbers of a family under its labels' values, those that are not zero.
    func family(_ name: String, _ samples: [String: Double]) -> [String: Double] {
        var family: [String: Double] = [:]
        for (key, value) in samples where key.hasPrefix(name + "{") && value != 0 {
            let values = key.dropFirst(name.count + 1).dropLast().split(separator: ",").map { label in
                String(label.split(separator: "=", maxSplits: 1).last ?? "").filter { $0 != "\"" }
            }
            family[values.joined(separator: " ")] = value
        }
        return family
    }
}
