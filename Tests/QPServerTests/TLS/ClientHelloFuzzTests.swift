// ClientHelloFuzzTests.swift
//
// RFC 8446 §4.1.2, §5.1: messages that are damaged by chance.

import Glibc
import Testing

@testable import QPServer

@Suite struct ClientHelloFuzzTests {
    /// A random generator that begins anew in each run.
    private struct Dice {
        private var state: UInt64
        init(_ seed: UInt64) { self.state = seed &* 2 &+ 1 }
        mutating func roll(_ sides: Int) -> Int {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((self.state >> 33) % UInt64(sides))
        }
    }

    /// `make fuzz` asks for more rounds by QP_FUZZ_ITERATIONS.
    private static var rounds: Int {
        guard let text = getenv("QP_FUZZ_ITERATIONS"), let asked = Int(String(cString: text)) else { return 20_000 }
        return min(max(asked, 20_000), 10_000_000)
    }

    private static func sized(_ octets: [UInt8], _ width: Int = 2) -> [UInt8] {
        (0..<width).reversed().map { UInt8(truncatingIfNeeded: octets.count >> ($0 * 8)) } + octets
    }

    private static func hello(_ name: String) -> [UInt8] {
        let names: [UInt8] = [0, 0] + Self.sized(Self.sized([0] + Self.sized(Array(name.utf8))))
        let extensions = [0, 43] + Self.sized([2, 3, 4]) + names + [0, 23, 0, 0]
        let head: [UInt8] = [3, 3] + Array(repeating: 9, count: 32)
        let body =
            head + Self.sized([1, 2, 3], 1) + Self.sized([0x13, 1]) + Self.sized([0], 1) + Self.sized(extensions)
        return [1] + Self.sized(body, 3)
    }

    /// Cut into records, changed, cut short: a name that is found is a host name, and more octets change nothing that was
    /// decided.
    @Test func damaged() {
        var dice = Dice(31)
        var found = 0
        for _ in 0..<Self.rounds {
            var message = Self.hello(["mx.example.com", "a", "", "x\r\nforged", "MX_1.Example."][dice.roll(5)])
            for _ in 0..<dice.roll(3) { message[dice.roll(message.count)] = UInt8(dice.roll(256)) }
            var octets: [UInt8] = []
            while !message.isEmpty {
                let piece = Array(message.prefix(1 + dice.roll(message.count)))
                message.removeFirst(piece.count)
                octets += [22, 3, 1] + Self.sized(piece)
            }
            if dice.roll(4) == 0 { octets[dice.roll(octets.count)] = UInt8(dice.roll(256)) }
            let whole = ClientHello.read(octets)
            if case .complete(let name?, _) = whole {
                found += 1
                #expect((1...253).contains(name.utf8.count))
                #expect(name.utf8.allSatisfy { (0x2D...0x39).contains($0) && $0 != 0x2F || $0 == 0x5F || $0 >= 0x61 })
                #expect(ClientHello.read(octets + [0, 1, 2]) == whole)
            }
            let count = dice.roll(octets.count + 1)
            let part = ClientHello.read(Array(octets[..<count]))
            guard case .incomplete(let wanted) = part else {
                #expect(part == whole)
                continue
            }
            #expect(wanted > count && wanted <= ClientHello.wireLimit)
        }
        #expect(found > 1000)
    }

    @Test func suites() {
        var dice = Dice(32)
        let good: [UInt8] =
            [22, 3, 3, 0, 60, 2, 0, 0, 56, 3, 3] + Array(repeating: 1, count: 32) + [2, 8, 8, 0x13, 0x02, 0]
        for _ in 0..<Self.rounds {
            var octets = good
            for _ in 0..<dice.roll(4) { octets[dice.roll(octets.count)] = UInt8(dice.roll(256)) }
            let suite = ServerHelloReader.suite(octets)
            let part = ServerHelloReader.suite(octets.prefix(dice.roll(octets.count + 1)))
            #expect(part == nil || part == suite)
        }
    }
}
