// QueryValue.swift
//
// What a query compares with: a value of the thing that is looked at.

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The value of a field.
public enum QueryValue: Sendable, Hashable {
    case missing
    case text(String)
    case number(Double)
    /// An IP address; IPv4 as `::ffff:192.0.2.1`.
    case address(high: UInt64, low: UInt64)
    /// Several texts: what holds for one of them holds.
    case list([String])

    /// The address that a text is; the text itself if it is none.
    public init(address text: String) {
        self = Self.address(of: text) ?? .text(text)
    }

    /// A text that may be missing.
    init(_ text: String?) {
        self = text.map(Self.text) ?? .missing
    }

    /// A number that may be missing.
    init(_ number: Double?) {
        self = number.map(Self.number) ?? .missing
    }

    static func address(of text: String) -> Self? {
        // The C function would not see what stands behind a NUL. Passed on without withCString, a short text would be
        // copied to the heap first.
        guard (2...45).contains(text.utf8.count), !text.utf8.contains(0) else { return nil }
        if text.utf8.contains(UInt8(ascii: ":")) {
            var address = in6_addr()
            guard text.withCString({ inet_pton(AF_INET6, $0, &address) }) == 1 else { return nil }
            return withUnsafeBytes(of: address) { octets in
                .address(
                    high: UInt64(bigEndian: octets.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: octets.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
        }
        var address = in_addr()
        guard text.withCString({ inet_pton(AF_INET, $0, &address) }) == 1 else { return nil }
        return .address(high: 0, low: Self.mapped | UInt64(UInt32(bigEndian: address.s_addr)))
    }

    /// What stands before an IPv4 address in the lower half of a mapped one.
    static let mapped: UInt64 = 0xFFFF_0000_0000

    /// How an address is written.
    static func text(high: UInt64, low: UInt64) -> String {
        var words = (high.bigEndian, low.bigEndian)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            let isWritten = withUnsafeBytes(of: &words) { octets in
                guard let start = octets.baseAddress, let text = buffer.baseAddress else { return false }
                return high == 0 && low >> 32 == 0xFFFF
                    ? inet_ntop(AF_INET, start + 12, text, socklen_t(buffer.count)) != nil
                    : inet_ntop(AF_INET6, start, text, socklen_t(buffer.count)) != nil
            }
            guard isWritten, let text = buffer.baseAddress else { return "" }
            return String(cString: text)
        }
    }
}

extension QueryValue {
    var isMissing: Bool {
        if case .missing = self { true } else { false }
    }

    /// Whether there is nothing in it.
    var isEmpty: Bool {
        switch self {
        case .missing: true
        case .text(let text): text.isEmpty
        case .list(let texts): texts.isEmpty || texts.contains("")
        case .number, .address: false
        }
    }

    /// Whether one of its texts passes a test; numbers and addresses count as they are written.
    func hasText(_ test: (String) -> Bool) -> Bool {
        switch self {
        case .missing: false
        case .text(let text): test(text)
        case .list(let texts): texts.contains(where: test)
        case .number(let number): test(Int(exactly: number).map(String.init) ?? "\(number)")
        case .address(let high, let low): test(Self.text(high: high, low: low))
        }
    }

    /// Whether one of its numbers passes a test; texts count if they are numbers.
    func hasNumber(_ test: (Double) -> Bool) -> Bool {
        switch self {
        case .missing, .address: false
        case .number(let number): test(number)
        case .text(let text): Double(text).map(test) ?? false
        case .list(let texts): texts.contains { Double($0).map(test) ?? false }
        }
    }

    /// Whether one of its addresses lies in a network; texts count if they are addresses.
    func isInside(_ network: QueryNetwork) -> Bool {
        switch self {
        case .missing, .number: false
        case .address(let high, let low): network.contains(high: high, low: low)
        case .text(let text): Self.address(of: text).map { $0.isInside(network) } ?? false
        case .list(let texts): texts.contains { Self.text($0).isInside(network) }
        }
    }
}
