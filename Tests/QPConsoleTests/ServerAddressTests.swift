// ServerAddressTests.swift
//
// What operators type for a server.

import Testing

@testable import QPConsole

struct AddressCase: CustomTestStringConvertible, Sendable {
    let text: String
    let address: ServerAddress
    let label: String
    let base: String

    init(_ text: String, _ address: ServerAddress, label: String, base: String) {
        self.text = text
        self.address = address
        self.label = label
        self.base = base
    }

    static func network(_ text: String, _ host: String, _ port: Int, _ isSecure: Bool, _ label: String, _ base: String)
        -> Self
    {
        Self(text, .network(host: host, port: port, isSecure: isSecure), label: label, base: base)
    }

    static func unix(_ text: String, _ path: String, _ host: String) -> Self {
        Self(text, .unix(path), label: "unix:" + path, base: "http+unix://" + host)
    }

    var testDescription: String { self.text }
}

@Suite struct ServerAddressTests {
    static let good: [AddressCase] = [
        .unix("unix:/run/qpserver/admin.sock", "/run/qpserver/admin.sock", "%2Frun%2Fqpserver%2Fadmin.sock"),
        .unix("unix:run/admin.sock", "run/admin.sock", "run%2Fadmin.sock"),
        .unix("/tmp/A b?%", "/tmp/A b?%", "%2Ftmp%2FA%20b%3F%25"),
        .unix("./x.sock", "./x.sock", ".%2Fx.sock"),
        .unix("../x.sock", "../x.sock", "..%2Fx.sock"),
        .network("127.0.0.1:8025", "127.0.0.1", 8025, false, "127.0.0.1:8025", "http://127.0.0.1:8025"),
        .network("127.9.9.9", "127.9.9.9", 8025, false, "127.9.9.9:8025", "http://127.9.9.9:8025"),
        .network("localhost:1", "localhost", 1, false, "localhost:1", "http://localhost:1"),
        .network("LocalHost", "LocalHost", 8025, false, "LocalHost:8025", "http://LocalHost:8025"),
        .network("[::1]:80", "::1", 80, false, "[::1]:80", "http://[::1]:80"),
        .network(
            "[0:0:0:0:0:0:0:1]", "0:0:0:0:0:0:0:1", 8025, false, "[0:0:0:0:0:0:0:1]:8025",
            "http://[0:0:0:0:0:0:0:1]:8025"),
        .network(
            "[2001:db8::1]:65535", "2001:db8::1", 65535, true, "[2001:db8::1]:65535",
            "https://[2001:db8::1]:65535"),
        .network(
            "mx1.example.com:8443", "mx1.example.com", 8443, true, "mx1.example.com:8443",
            "https://mx1.example.com:8443"),
        .network("mx1", "mx1", 8025, true, "mx1:8025", "https://mx1:8025"),
        .network("192.0.2.1:8025", "192.0.2.1", 8025, true, "192.0.2.1:8025", "https://192.0.2.1:8025"),
        .network("http://mx1:80", "mx1", 80, false, "http://mx1:80", "http://mx1:80"),
        .network("HTTPS://mx1/", "mx1", 8025, true, "mx1:8025", "https://mx1:8025"),
        .network("https://127.0.0.1", "127.0.0.1", 8025, true, "https://127.0.0.1:8025", "https://127.0.0.1:8025"),
        .network("http://[::1]/", "::1", 8025, false, "[::1]:8025", "http://[::1]:8025"),
    ]

    @Test(arguments: Self.good)
    func reads(_ row: AddressCase) throws {
        let address = try ServerAddress(row.text)
        #expect(address == row.address)
        #expect(address.label == row.label)
        #expect(address.base == row.base)
        #expect(try ServerAddress(address.label) == address)
    }

    @Test(arguments: [
        ("", "an address is missing"),
        ("unix:", "unix: names no socket"),
        ("/a\0b", "the path of a socket has no zero octet"),
        ("/" + String(repeating: "a", count: 107), "at most 107 octets"),
        ("mx1:0", "a port is a number from 1 to 65535"),
        ("mx1:", "a port is a number"),
        ("mx1:65536", "a port is a number"),
        ("mx1:+80", "a port is a number"),
        ("mx1:8025/x", "a port is a number"),
        (":8025", "names no host"),
        ("http://", "names no host"),
        ("2001:db8::1", "an IPv6 address is written in brackets"),
        ("[2001:db8::1", "the bracket is not closed"),
        ("[mx1]:8025", "in the brackets is no IPv6 address"),
        ("[::1]8025", "a colon and a port"),
        ("https://ann@mx1", "no name and no password"),
        ("https://mx1/api", "behind host and port comes nothing"),
        ("mx1?x", "behind host and port comes nothing"),
        ("m x", "no name of a host"),
        ("mx1%0a", "no name of a host"),
        ("127.0.0", "no IPv4 address"),
        ("1.2.3.256:80", "no IPv4 address"),
        (String(repeating: "a", count: 254), "no name of a host"),
    ])
    func refuses(_ text: String, _ reason: String) {
        let problem = #expect(throws: AddressProblem.self) { try ServerAddress(text) }
        #expect(problem?.text.contains(reason) == true, "\(problem?.text ?? "")")
    }

    @Test(arguments: [
        ("http://mx1:80", true, false), ("http://mx1:80", false, true), ("mx1:80", true, true),
        ("http://127.0.0.1", true, true), ("unix:/x", true, true),
    ])
    func tokensGoWhereNobodyReadsThem(_ text: String, _ hasToken: Bool, _ isAllowed: Bool) throws {
        let address = try ServerAddress(text)
        if isAllowed {
            #expect(throws: Never.self) { try address.check(hasToken: hasToken) }
        } else {
            #expect(throws: AddressProblem("http://mx1:80 would send the token in clear; use https://")) {
                try address.check(hasToken: hasToken)
            }
        }
    }

    @Test(arguments: [
        (".", ["run/admin.sock", "/run/qpserver/admin.sock"], "unix:run/admin.sock"),
        ("/srv/mail", ["/srv/mail/run/admin.sock"], "unix:/srv/mail/run/admin.sock"),
        ("/", ["/run/admin.sock"], "unix:/run/admin.sock"),
        (".", ["/run/qpserver/admin.sock"], "unix:/run/qpserver/admin.sock"),
        (".", [], "127.0.0.1:8025"),
        (
            "/" + String(repeating: "a", count: 100), ["/" + String(repeating: "a", count: 100) + "/run/admin.sock"],
            "127.0.0.1:8025"
        ),
    ])
    func standard(_ folder: String, _ files: [String], _ label: String) {
        #expect(ServerAddress.standard(folder: folder, exists: files.contains).label == label)
    }
}
