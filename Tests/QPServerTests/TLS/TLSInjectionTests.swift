// TLSInjectionTests.swift
//
// RFC 3207 §4.2, CVE-2011-0411: what is sent ahead of a handshake, with AUTH in all its places. Each command has one reply,
// and nothing that came in clear is carried out under TLS.

import QPActors
import QPHooks
import QPTestCertificates
import Testing

@testable import QPServer

@Suite(.serialized)
struct TLSInjectionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        enum End: Sendable {
            /// The server closes.
            case closed
            /// The server waits for a handshake.
            case handshake
            /// The session goes on in clear.
            case clear
        }
        let testDescription: String
        /// Leaves in one piece, behind EHLO.
        let sent: String
        let codes: [Int]
        let end: End

        init(_ name: String, _ sent: String, _ codes: [Int], _ end: End) {
            self.testDescription = name
            self.sent = sent
            self.codes = codes
            self.end = end
        }
    }

    private static let (good, bad) = (AuthOverTLSTests.good, AuthOverTLSTests.bad)
    private static let envelope = "MAIL FROM:<a@client.example>\r\nRCPT TO:<b@server.example>\r\n"

    static let startTLS: [Case] = [
        Case("RSET behind it", "STARTTLS\r\nRSET\r\n", [503], .closed),
        Case("EHLO behind it", "STARTTLS\r\nEHLO evil.example\r\n", [503], .closed),
        Case("QUIT behind it", "STARTTLS\r\nQUIT\r\n", [503], .closed),
        Case("AUTH behind it", "STARTTLS\r\nAUTH PLAIN \(good)\r\n", [503], .closed),
        Case("twice", "STARTTLS\r\nSTARTTLS\r\n", [503], .closed),
        Case("a line end behind it", "STARTTLS\r\n\r\n", [503], .closed),
        Case("the begin of a handshake behind it", "STARTTLS\r\n\u{16}\u{3}\u{1}", [503], .closed),
        Case("a whole mail behind it", "STARTTLS\r\n" + envelope + "DATA\r\nx\r\n.\r\n", [503], .closed),
        Case("RSET before it", "RSET\r\nSTARTTLS\r\n", [250, 220], .handshake),
        Case("RSET on both sides", "RSET\r\nSTARTTLS\r\nRSET\r\n", [250, 503], .closed),
        Case("within a mail", envelope + "STARTTLS\r\n", [250, 250, 220], .handshake),
        Case("within a mail, DATA behind it", envelope + "STARTTLS\r\nDATA\r\n", [250, 250, 503], .closed),
        Case("as a message", envelope + "DATA\r\nSTARTTLS\r\n.\r\n", [250, 250, 354, 250], .clear),
        Case("as a chunk", envelope + "BDAT 10 LAST\r\nSTARTTLS\r\n", [250, 250, 250], .clear),
        Case("after QUIT", "QUIT\r\nSTARTTLS\r\n", [221], .closed),
        Case("with a parameter, then without", "STARTTLS x\r\nSTARTTLS\r\n", [501, 220], .handshake),
        Case("with too many blanks", "STARTTLS\(String(repeating: " ", count: 3000))\r\nNOOP\r\n", [500, 250], .clear),
    ]

    static let auth: [Case] = [
        Case("STARTTLS as a response of PLAIN", "AUTH PLAIN\r\nSTARTTLS\r\n", [334, 535], .clear),
        Case("STARTTLS as the user of LOGIN", "AUTH LOGIN\r\nSTARTTLS\r\n", [334, 535], .clear),
        Case("STARTTLS behind a cancelled exchange", "AUTH PLAIN\r\n*\r\nSTARTTLS\r\n", [334, 501, 220], .handshake),
        Case(
            "STARTTLS and more behind a failure", "AUTH PLAIN\r\n\(bad)\r\nSTARTTLS\r\nRSET\r\n", [334, 535, 503],
            .closed),
        Case("STARTTLS behind a success", "AUTH PLAIN \(good)\r\nSTARTTLS\r\n", [235, 220], .handshake),
        Case("the response behind the command", "AUTH PLAIN\r\n\(good)\r\nNOOP\r\n", [334, 235, 250], .clear),
        Case(
            "a mail behind the response", "AUTH PLAIN\r\n\(good)\r\nMAIL FROM:<a@b.example>\r\n", [334, 235, 250],
            .clear),
        Case("a command in place of the response", "AUTH PLAIN\r\nRSET\r\nNOOP\r\n", [334, 535, 250], .clear),
        Case("twice", "AUTH PLAIN \(good)\r\nAUTH PLAIN \(good)\r\n", [235, 503], .clear),
        Case("a star at once", "AUTH PLAIN *\r\nNOOP\r\n", [501, 250], .clear),
        Case("a star and more", "AUTH PLAIN\r\n*x\r\nNOOP\r\n", [334, 501, 250], .clear),
        Case("an equals sign at once", "AUTH PLAIN =\r\nNOOP\r\n", [535, 250], .clear),
        Case("an equals sign as a line", "AUTH PLAIN\r\n=\r\nNOOP\r\n", [334, 501, 250], .clear),
        Case("an empty line", "AUTH PLAIN\r\n\r\nNOOP\r\n", [334, 535, 250], .clear),
        Case(
            "a command that is too long", "AUTH PLAIN \(String(repeating: "A", count: 4000))\r\nNOOP\r\n", [500, 250],
            .clear),
        Case(
            "a response that is too long", "AUTH PLAIN\r\n\(String(repeating: "A", count: 20_000))\r\nNOOP\r\n",
            [334, 500, 250], .clear),
    ]

    @Test(arguments: Self.startTLS + Self.auth)
    func inOnePiece(_ test: Case) async throws {
        let certificate = try TestAuthority().issue("mx.server.example")
        try await AuthOverTLSTests.run(["mx": certificate], extra: ["tls_before_auth": "0"]) { server, _ in
            let client = try await TLSClient.connect(server.ports[0])
            #expect(try await client.answer().code == 220)
            #expect(try await client.say("EHLO clear.example").code == 250)
            try await client.send(test.sent)
            var codes: [Int] = []
            for _ in test.codes { codes.append(try await client.answer().code) }
            #expect(codes == test.codes)
            switch test.end {
            case .closed: #expect(try await client.isClosed())
            case .clear: #expect(try await client.say("EHLO clear.example").text.contains("STARTTLS"))
            case .handshake:
                try await client.startTLS()
                let facts = try await client.say("NOOP").text
                #expect(facts.contains("helo -\n") && facts.contains("user - does not relay"), "\(facts)")
                #expect(try await client.say("MAIL FROM:<a@client.example>").code == 503)
                #expect(try await client.say("EHLO client.example").text.contains("STARTTLS") == false)
                #expect(try await client.say("RCPT TO:<b@server.example>").code == 503)
            }
            client.close()
            await server.expectNothingLeft()
        }
    }
}
