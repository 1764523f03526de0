// SessionRow+Order.swift
//
// Sessions in the order that the endpoint would give them, for those that it does not put together.

import Glibc
import QPTelemetry

extension SessionSort {
    /// Whether one row comes before another in ascending order; rows that are alike keep an order by their names.
    func isAscending(_ left: SessionRow, _ right: SessionRow) -> Bool {
        switch self {
        case .age: Self.order(left.age, right.age, left, right)
        case .started: Self.order(left.startedAt, right.startedAt, left, right)
        case .peer: Self.order(left.peer, right.peer, left, right)
        case .helo: Self.order(left.helo ?? "", right.helo ?? "", left, right)
        case .phase: Self.order(Self.place(left.phase), Self.place(right.phase), left, right)
        case .sender: Self.order(left.sender ?? "", right.sender ?? "", left, right)
        case .rcpts: Self.order(left.recipientCount, right.recipientCount, left, right)
        case .messages: Self.order(left.messages, right.messages, left, right)
        case .octets: Self.order(left.octets, right.octets, left, right)
        case .rate: Self.order(left.rate, right.rate, left, right)
        case .running: Self.order(left.running ?? -1, right.running ?? -1, left, right)
        }
    }

    private static func order<Key: Comparable>(
        _ leftKey: Key, _ rightKey: Key, _ left: SessionRow, _ right: SessionRow
    ) -> Bool {
        leftKey == rightKey ? left.id < right.id : leftKey < rightKey
    }

    private static func place(_ phase: SessionPhase) -> Int { SessionPhase.allCases.firstIndex(of: phase) ?? 0 }
}

extension TopField {
    /// The network that an address counts for: /24 of IPv4, /48 of IPv6; empty for what is no address.
    static func network(of address: String) -> String {
        var four = in_addr()
        if inet_pton(AF_INET, address, &four) == 1 {
            four.s_addr &= UInt32(0xFFFF_FF00).bigEndian
            return Self.text(AF_INET, &four).map { $0 + "/24" } ?? ""
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, address, &six) == 1 else { return "" }
        withUnsafeMutableBytes(of: &six) { octets in for index in 6..<16 { octets[index] = 0 } }
        return Self.text(AF_INET6, &six).map { $0 + "/48" } ?? ""
    }

    private static func text(_ family: Int32, _ address: UnsafeRawPointer) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            guard let start = buffer.baseAddress,
                inet_ntop(family, address, start, socklen_t(buffer.count)) != nil
            else { return nil }
            return String(cString: start)
        }
    }
}
