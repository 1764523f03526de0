// EnhancedStatusTests.swift
//
// RFC 3463 §2, RFC 2034 §4

import QPSMTP
import Testing

@Suite struct EnhancedStatusTests {
    @Test(
        arguments: [
            Row("permanent", "5.7.1", "5.7.1"),
            Row("three digits", "4.999.123", "4.999.123"),
            Row("success", "2.0.0", "2.0.0"),
            Row("class 3", "3.0.0", nil),
            Row("class 0", "0.1.1", nil),
            Row("leading zero", "5.07.1", nil),
            Row("four digits", "5.7.1000", nil),
            Row("two parts", "5.7", nil),
            Row("four parts", "5.7.1.2", nil),
            Row("empty part", "5..1", nil),
            Row("empty last part", "5.7.", nil),
            Row("blank", "5.7.1 ", nil),
            Row("sign", "5.-7.1", nil),
            Row("nothing", "", nil),
            Row("huge", "5.99999999999999999999.1", nil),
            Row("two-digit class", "55.1.1", nil),
        ] as [Row<String, String?>])
    func texts(_ row: Row<String, String?>) {
        #expect(EnhancedStatus(row.input)?.description == row.expected)
        #expect(EnhancedStatus(row.input[...])?.description == row.expected)
    }

    @Test(arguments: [
        (5, 0, 0, true), (2, 999, 999, true), (5, 1000, 0, false), (5, -1, 0, false), (5, 0, 70_000, false),
        (6, 0, 0, false),
    ])
    func numbers(_ category: Int, _ subject: Int, _ detail: Int, _ isValid: Bool) {
        #expect((EnhancedStatus(category: category, subject: subject, detail: detail) != nil) == isValid)
    }

    @Test(arguments: [(250, "2.7.1"), (450, "4.7.1"), (421, "4.7.1"), (599, "5.7.1"), (354, "5.7.1"), (0, "5.7.1")])
    func classFollowsCode(_ code: Int, _ expected: String) {
        #expect(EnhancedStatus.notAuthorized.withCategory(for: code).description == expected)
    }

    @Test(
        arguments: [
            Row("as qpsmtpd writes it", "No such user (#5.1.1)", ["No such user", "5.1.1"]),
            Row("no blank", "x(#4.0.0)", ["x", "4.0.0"]),
            Row("line end", "x (#4.0.0)\r\n", ["x", "4.0.0"]),
            Row("status only", "(#5.7.1)", ["", "5.7.1"]),
            Row("not at the end", "x (#5.7.1) y", ["x (#5.7.1) y"]),
            Row("no number sign", "x (5.7.1)", ["x (5.7.1)"]),
            Row("bad status", "x (#5.7)", ["x (#5.7)"]),
            Row("bad class", "x (#3.7.1)", ["x (#3.7.1)"]),
            Row("inner parenthesis", "a (b) (#5.7.1)", ["a (b)", "5.7.1"]),
            Row("unclosed", "x (#5.7.1", ["x (#5.7.1"]),
            Row("UTF-8", "nö (#5.7.1)", ["nö", "5.7.1"]),
            Row("nothing", "", [""]),
            Row("lone parenthesis", ")", [")"]),
        ] as [Row<String, [String]>])
    func extraction(_ row: Row<String, [String]>) {
        let (text, status) = EnhancedStatus.extract(fromTextEnding: row.input)
        #expect([text] + (status.map { [$0.description] } ?? []) == row.expected)
    }

    @Test func namedConditions() {
        #expect(EnhancedStatus.badDestinationMailbox.description == "5.1.1")
        #expect(EnhancedStatus.nullMX.description == "5.1.10")
        #expect(EnhancedStatus.routingLoop.description == "5.4.6")
        #expect(EnhancedStatus.nonASCIIAddressNotSupported.description == "5.6.7")
        #expect(EnhancedStatus.badSenderAddress == .otherAddress)
    }
}

@Suite struct StatusTextTests {
    @Test func qpsmtpdHas49() {
        #expect(StatusTexts.all.count == 49)
        #expect(Set(StatusTexts.all.map(\.name)).count == 49)
    }

    @Test(arguments: [
        ("unspecified", StatusText.Standing.denySoft, "4.0.0"),
        ("no_such_user", .deny, "5.1.1"),
        ("addr_rcpt_ok", .ok, "2.1.5"),
        ("addr_bad_from_system", .deny, "5.1.8"),
        ("mbox_full", .denySoft, "4.2.2"),
        ("sys_disk_full", .denySoft, "4.3.1"),
        ("sys_msg_too_big", .deny, "5.3.4"),
        ("temp_resolver_failed", .denySoft, "4.4.3"),
        ("too_many_hops", .deny, "5.4.6"),
        ("too_many_rcpts", .denySoft, "4.5.3"),
        ("media_conv_lossy", .denySoft, "4.6.4"),
        ("relaying_denied", .deny, "5.7.1"),
        ("sec_crypto_algorithm_unsupported", .denySoft, "4.7.6"),
        ("sec_msg_integrity_failure", .deny, "5.7.7"),
    ])
    func defaults(_ name: String, _ standing: StatusText.Standing, _ status: String) throws {
        let text = try #require(StatusTexts.named(name))
        #expect(text.standing == standing)
        #expect(text.status.description == status)
        #expect(!text.text.isEmpty)
    }

    @Test func unknownName() {
        #expect(StatusTexts.named("no_such_method") == nil)
    }
}
