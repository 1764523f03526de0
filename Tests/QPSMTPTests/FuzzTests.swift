// FuzzTests.swift
//
// Whatever comes, nothing traps, and what is accepted keeps its promises.

import Glibc
import QPSMTP
import Testing

@Suite struct FuzzTests {
    private static let pieces = [
        "1", "255", "0", "a", "f", ".", ":", "::", "/", "IPv6:", "[", "]", "-", "xn--", "ü", "\u{308}", "例", " ", "\0",
        "\r\n", "=", "+2B", "+", ";",
        ",", "(#5.7.1)", "#", "5.7.1", "NEVER", "SIZE", "rfc822",
    ]

    /// `make fuzz` asks for more rounds by QP_FUZZ_ITERATIONS.
    static func rounds(_ usual: Int) -> Int {
        guard let text = getenv("QP_FUZZ_ITERATIONS"), let asked = Int(String(cString: text)) else { return usual }
        return min(max(asked, usual), 10_000_000)
    }

    private static func texts(_ usual: Int, seed: UInt64) -> [String] {
        let count = Self.rounds(usual)
        var dice = Dice(seed)
        return (0..<count).map { _ in (0..<1 + dice.roll(9)).map { _ in dice.pick(Self.pieces) }.joined() }
    }

    @Test func addresses() {
        for text in Self.texts(30_000, seed: 10) {
            if let address = IPAddress(text) {
                #expect(IPAddress(address.description) == address)
                #expect(Network(text)?.contains(address) == true)
            }
            if let network = Network(text) { #expect(Network(network.description) == network) }
            if let literal = AddressLiteral("[\(text)]"), let address = literal.address {
                #expect(AddressLiteral(address.literal)?.address == address)
            }
        }
    }

    @Test func domains() {
        for text in Self.texts(8_000, seed: 11) {
            guard let ascii = DomainName.toASCII(text) else {
                #expect(!DomainName.isValid(text))
                continue
            }
            #expect(DomainName.isValid(ascii))
            #expect(DomainName.toASCII(ascii) == ascii)
            _ = DomainName.toUnicode(text)
        }
    }

    @Test func smallTexts() {
        for text in Self.texts(10_000, seed: 12) {
            let (kept, status) = EnhancedStatus.extract(fromTextEnding: text)
            #expect(status != nil || kept == text)
            #expect(XText.decode(XText.encode(text)) == text)
            #expect(!ReceivedField.fold(text).utf8.contains(0))
            _ = XText.decode(text)
            _ = Hello(text).map { ($0.isValidDomain, $0.isAddressLiteral) }
            let parameters = ["size", "body", "ret", "envid", "auth", "notify", "orcpt"].map {
                ESMTPParameter($0, text)
            }
            for parameter in parameters {
                _ = MailOptions.parse([parameter], offered: Set(ServiceExtension.allCases))
                _ = RecipientOptions.parse([parameter], offered: [.dsn], smtputf8: true)
            }
        }
    }

    @Test func replies() {
        for text in Self.texts(3_000, seed: 13) {
            for utf8 in [false, true] {
                var out: [UInt8] = []
                Reply(text.utf8.count % 700, .other, text).encode(into: &out, id: text, utf8: utf8)
                #expect(out.suffix(2) == octets("\r\n")[...])
                let lines = out.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
                #expect(lines.allSatisfy { $0.last == 0x0D && $0.count >= 5 && $0.count <= 511 })
                #expect(lines.dropLast().allSatisfy { $0[$0.startIndex + 3] == UInt8(ascii: "-") })
                #expect(lines.last.map { $0[$0.startIndex + 3] } == 0x20)
                #expect(!out.contains(0))
            }
        }
    }

    /// A header is the same however its octets come, and takes no more than there are.
    @Test func proxyHeaders() {
        let withValue = ProxyHeaderTests.v4 + [UInt8]([3, 0, 1, 7])
        let seeds: [[UInt8]] = [
            octets("PROXY TCP4 192.0.2.1 192.0.2.2 1 65535\r\nEHLO x\r\n"), octets("PROXY UNKNOWN ffff::1\r\n"),
            ProxyHeaderTests.binary(0x21, 0x11, withValue), ProxyHeaderTests.binary(0x20, 0x00, []),
            ProxyHeaderTests.binary(0x21, 0x21, [UInt8](repeating: 1, count: 36)),
            ProxyHeaderTests.binary(0x21, 0x31, [UInt8](repeating: 2, count: 216)),
        ]
        var dice = Dice(15)
        for _ in 0..<Self.rounds(20_000) {
            var bytes = dice.pick(seeds)
            for _ in 0..<dice.roll(4) { bytes[dice.roll(bytes.count)] = UInt8(dice.roll(256)) }
            let whole = ProxyHeader.parse(bytes.span)
            if case .complete(_, let length) = whole { #expect(length >= 8 && length <= bytes.count) }
            let part = ProxyHeader.parse(Array(bytes.prefix(1 + dice.roll(bytes.count))).span)
            #expect(part == .incomplete || part == whole)
        }
    }

    /// What is read of XCLIENT holds nothing that could end a line.
    @Test func forwardedFacts() {
        let names = ForwardedFacts.Attribute.allCases.map(\.rawValue) + ["x", ""]
        var dice = Dice(16)
        for text in Self.texts(10_000, seed: 17) {
            let argument = "\(dice.pick(names))=\(text) \(dice.pick(names))=\(XText.encode(text))"
            for command in ForwardedFacts.Command.allCases {
                guard let facts = ForwardedFacts(argument, of: command) else { continue }
                let texts = [facts.name, facts.proto, facts.helo, facts.login, facts.ident, facts.source]
                #expect(texts.compactMap { $0?.known }.allSatisfy { $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } })
            }
        }
    }

    @Test func commandLines() {
        var dice = Dice(14)
        for round in 0..<Self.rounds(3_000) {
            let bytes = dice.text(pieces: round % 50)
            bytes.withUnsafeBytes { line in
                let command = QPSMTP.ClientLine(line)
                #expect(command.isClean || !bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
                _ = try? PathParser.split(command.argument, prefix: "FROM:")
                _ = ForeignProtocol.detect(line)
            }
        }
    }
}
