// ProxyHeader.swift
//
// The PROXY protocol of HAProxy, versions 1 and 2: what a proxy says in front of a connection about its client.

/// Who a proxy speaks for.
public enum ProxyHeader: Sendable, Hashable {
    /// An end of a TCP connection.
    public struct Endpoint: Sendable, Hashable {
        /// Its address.
        public let address: IPAddress
        /// Its port.
        public let port: UInt16

        /// Puts both together.
        public init(_ address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    /// The proxy itself, which looks whether the server lives.
    case local
    /// Somebody, but the proxy does not say who, or not in terms of TCP over IP.
    case unknown
    /// A client, and the address it had connected to.
    case client(Endpoint, destination: Endpoint)

    /// What the first octets of a connection come to.
    public enum Outcome: Sendable, Hashable {
        /// More octets are needed.
        case incomplete
        /// A header of that many octets; what follows is the client's.
        case complete(ProxyHeader, length: Int)
        /// No header; why.
        case invalid(Fault)
    }

    /// Why octets are no header. A closed set.
    public enum Fault: String, Sendable, Hashable, CaseIterable {
        /// Neither version's first octets.
        case signature = "no PROXY header"
        /// Version 1 has 107 octets with its line end at most.
        case length = "PROXY line too long"
        /// A line of version 1 that is not as it should be.
        case line = "malformed PROXY line"
        /// A version or a command of the binary form that nobody knows.
        case version = "unknown PROXY version or command"
        /// A family or transport of the binary form that nobody knows.
        case family = "unknown PROXY address family or transport"
        /// The announced length has no room for the addresses.
        case addresses = "PROXY header too short for its addresses"
        /// What follows the addresses is no list of types, lengths and values.
        case values = "malformed values in PROXY header"
        /// The checksum among them is not that of the header.
        case checksum = "wrong checksum in PROXY header"
    }

    /// The most octets of a header of version 1, line end included.
    public static let longestLine = 107
    /// The most octets of a header of version 2.
    public static let longestBinary = 16 + 65535

    /// Reads a header from the first octets of a connection.
    public static func parse(_ bytes: Span<UInt8>) -> Outcome {
        guard bytes.count > 0 else { return .incomplete }
        if bytes[0] == UInt8(ascii: "P") { return self.line(bytes) }
        return self.binary(bytes)
    }

    // MARK: Version 1

    private static func line(_ bytes: Span<UInt8>) -> Outcome {
        guard self.begins(bytes, with: "PROXY ") else { return .invalid(.signature) }
        guard bytes.count > 6 else { return .incomplete }
        var end = 6
        while end < bytes.count, end < self.longestLine, bytes[end] != 0x0A { end += 1 }
        guard end < self.longestLine else { return .invalid(.length) }
        guard end < bytes.count else { return .incomplete }
        guard bytes[end - 1] == 0x0D else { return .invalid(.line) }
        guard let header = self.fields(bytes.extracting(6..<end - 1)) else { return .invalid(.line) }
        return .complete(header, length: end + 1)
    }

    /// Family, source, destination, source port, destination port, with one blank between them.
    private static func fields(_ text: Span<UInt8>) -> ProxyHeader? {
        let words = self.words(text)
        // What follows UNKNOWN is not looked at.
        if words[0] == "UNKNOWN" { return .unknown }
        guard words.count == 5, let source = IPAddress(words[1]), let destination = IPAddress(words[2]),
            let sourcePort = self.port(words[3]), let destinationPort = self.port(words[4])
        else { return nil }
        // An IPv4 address in the dress of IPv6 is one of IPv6 here.
        let isIPv6 = words[1].utf8.contains(UInt8(ascii: ":"))
        guard words[2].utf8.contains(UInt8(ascii: ":")) == isIPv6, words[0] == (isIPv6 ? "TCP6" : "TCP4") else {
            return nil
        }
        return .client(
            Endpoint(source, port: sourcePort), destination: Endpoint(destination, port: destinationPort))
    }

    private static func words(_ text: Span<UInt8>) -> [String] {
        var words: [String] = []
        var start = 0
        for index in 0...text.count where index == text.count || text[index] == 0x20 {
            let word = text.extracting(start..<index)
            words.append(word.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) })
            start = index + 1
        }
        return words
    }

    /// Decimal digits without a leading zero.
    static func port(_ text: String) -> UInt16? {
        guard text.utf8.count <= 5, text.utf8.allSatisfy(ASCII.isDigit), text == "0" || text.utf8.first != 0x30 else {
            return nil
        }
        return UInt16(text)
    }

    // MARK: Version 2

    private static let signature: StaticString = "\r\n\r\n\0\r\nQUIT\n"

    private static func binary(_ bytes: Span<UInt8>) -> Outcome {
        guard self.begins(bytes, with: self.signature) else { return .invalid(.signature) }
        guard bytes.count > 12 else { return .incomplete }
        guard bytes[12] == 0x20 || bytes[12] == 0x21 else { return .invalid(.version) }
        guard bytes.count > 13 else { return .incomplete }
        // With LOCAL neither the family nor what follows is looked at.
        let isLocal = bytes[12] == 0x20
        guard isLocal || bytes[13] >> 4 <= 3 && bytes[13] & 15 <= 2 else { return .invalid(.family) }
        guard bytes.count >= 16 else { return .incomplete }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        // Said as soon as it is known, not after what may never come.
        let room = isLocal ? 0 : self.room(bytes[13])
        guard length >= room else { return .invalid(.addresses) }
        guard bytes.count >= 16 + length else { return .incomplete }
        if isLocal { return .complete(.local, length: 16 + length) }
        if room > 0, let fault = self.faultOfValues(bytes.extracting(0..<16 + length), from: 16 + room) {
            return .invalid(fault)
        }
        return .complete(self.addresses(bytes), length: 16 + length)
    }

    /// Octets of both addresses and ports.
    private static func room(_ family: UInt8) -> Int {
        switch family >> 4 {
        case 1: 12
        case 2: 36
        case 3: 216
        default: 0
        }
    }

    /// Families and transports other than TCP over IP leave the real peer in place.
    private static func addresses(_ bytes: Span<UInt8>) -> ProxyHeader {
        let size: Int
        switch bytes[13] {
        case 0x11: size = 4
        case 0x21: size = 16
        default: return .unknown
        }
        guard let source = self.address(bytes, at: 16, size), let destination = self.address(bytes, at: 16 + size, size)
        else { return .unknown }
        return .client(
            Endpoint(source, port: self.number(bytes, at: 16 + size * 2)),
            destination: Endpoint(destination, port: self.number(bytes, at: 18 + size * 2)))
    }

    private static func address(_ bytes: Span<UInt8>, at start: Int, _ size: Int) -> IPAddress? {
        IPAddress(bytes: (start..<start + size).map { bytes[$0] })
    }

    private static func number(_ bytes: Span<UInt8>, at index: Int) -> UInt16 {
        UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1])
    }

    /// What is wrong with types, lengths and values, which a header has to its last octet; of the values only the
    /// checksum is looked at.
    private static func faultOfValues(_ header: Span<UInt8>, from start: Int) -> Fault? {
        var index = start
        var hasChecksum = false
        while index < header.count {
            guard header.count - index >= 3 else { return .values }
            let length = Int(self.number(header, at: index + 1))
            guard header.count - index - 3 >= length else { return .values }
            if header[index] == self.checksumType {
                // Each costs a walk over the whole header: there is one.
                guard length == 4, !hasChecksum else { return .values }
                hasChecksum = true
                guard self.checksum(header, without: index + 3) == self.long(header, at: index + 3) else {
                    return .checksum
                }
            }
            index += 3 + length
        }
        return nil
    }

    private static let checksumType: UInt8 = 0x03

    private static func long(_ bytes: Span<UInt8>, at index: Int) -> UInt32 {
        UInt32(self.number(bytes, at: index)) << 16 | UInt32(self.number(bytes, at: index + 2))
    }

    /// CRC32c (RFC 9260 §A) of a header whose four octets at `place` count as zero.
    private static func checksum(_ header: Span<UInt8>, without place: Int) -> UInt32 {
        var sum = UInt32.max
        for index in 0..<header.count {
            if !(place..<place + 4).contains(index) { sum ^= UInt32(header[index]) }
            for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
        return ~sum
    }

    /// Whether octets begin as a text does, as far as they go.
    private static func begins(_ bytes: Span<UInt8>, with text: StaticString) -> Bool {
        text.withUTF8Buffer { wanted in
            for index in 0..<min(bytes.count, wanted.count) where bytes[index] != wanted[index] { return false }
            return true
        }
    }
}
