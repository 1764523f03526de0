// EndpointPartTests.swift
//
// Parts of the endpoint by themselves.

import Glibc
import NIOCore
import NIOEmbedded
import QPTelemetry
import Synchronization
import Testing

@testable import QPAdminHTTP

struct EndpointPartTests {
    @Test(arguments: [
        ("a%20b", "a b"), ("a+b", "a+b"), ("%C3%A4", "ä"), ("", ""), ("%", nil), ("%2", nil), ("%zz", nil),
        ("%ff", nil),
        ("%2F%3a", "/:"), ("%00", "\0"),
    ])
    func percents(_ text: String, _ expected: String?) {
        #expect(PercentText.decode(text) == expected)
    }

    @Test func blanksInQueries() throws {
        let pairs = try Arguments.pairs("a=b+c%2B&d&=e&&f==")
        #expect(pairs.map { "\($0.0)|\($0.1)" } == ["a|b c+", "d|", "|e", "f|="])
    }

    @Test func throttleFillsUpAgain() {
        let throttle = FailureThrottle()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        for _ in 0..<20 {
            #expect(throttle.permits("a", at: start))
            throttle.failed("a", at: start)
        }
        #expect(!throttle.permits("a", at: start))
        #expect(throttle.permits("b", at: start))
        #expect(!throttle.permits("a", at: start + .milliseconds(400)))
        #expect(throttle.permits("a", at: start + .milliseconds(600)))
    }

    @Test func throttleIsBounded() {
        let throttle = FailureThrottle()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        for number in 0..<10_000 { throttle.failed("\(number)", at: start) }
        #expect(throttle.count <= 1_025)
        #expect(!throttle.permits("new", at: start))
        #expect(throttle.permits("1", at: start))
        throttle.failed("later", at: start + .hours(1))
        #expect(throttle.count < 10)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "20:1:d:b8:0:0:0:0"), ("2001:db8::2", "20:1:d:b8:0:0:0:0"),
        ("::1", "0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:1"), ("unix", "unix"),
    ])
    func sources(_ address: String, _ expected: String) {
        #expect(FailureThrottle.source(of: address) == expected)
    }

    @Test func placesComeBack() {
        let places = StreamPlaces()
        var first = places.take("a", limit: 1)
        #expect(first != nil)
        #expect(places.take("a", limit: 1) == nil)
        first = nil
        #expect(first == nil && places.take("a", limit: 1) != nil)
    }

    /// Whether the channel reads by itself, if anybody has said so.
    private static func autoRead(_ channel: EmbeddedChannel) -> Bool? {
        channel.options.first { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool
    }

    @Test(arguments: [
        (EMFILE, 1, false, true), (ENFILE, 1, false, true), (EMFILE, 0, true, false), (ECONNABORTED, 1, false, false),
        (ENOBUFS, 1, true, false),
    ])
    func accepting(_ error: Int32, _ spares: Int, _ isPaused: Bool, _ isReleased: Bool) throws {
        let spare = FakeSpare(spares)
        let lines = FakeLines()
        let channel = EmbeddedChannel(handler: AcceptRecovery(spare: spare, log: { _, text in lines.append(text) }))
        channel.pipeline.fireErrorCaught(IOError(errnoCode: error, reason: "accept"))
        channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        #expect((spare.left.withLock { $0 } < spares) == isReleased)
        #expect(Self.autoRead(channel) == (isPaused ? false : nil))
        // The first error that reaches the end of the pipeline would end accepting.
        try channel.throwIfErrorCaught()
        channel.embeddedEventLoop.advanceTime(by: .seconds(11))
        #expect((spare.refills.withLock { $0 } == 2) == isReleased)
        #expect(Self.autoRead(channel) == (isPaused ? true : nil))
        #expect(lines.all.count == (error == ECONNABORTED ? 0 : 1))
        _ = try? channel.finish()
    }
}
