// SocketName.swift
//
// Addresses as the socket calls want them.

import Glibc
import QPHooks

/// An address in the form of the socket calls.
struct SocketName: Sendable {
    private(set) var bytes: [UInt8]

    /// An Internet address; an IPv4 address on an IPv6 socket is written as mapped.
    init(_ address: IPAddress, port: UInt16) {
        if address.isIPv4 {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &name.sin_addr) { $0.copyBytes(from: address.bytes) }
            self.bytes = withUnsafeBytes(of: &name) { Array($0) }
        } else {
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.bytes) }
            self.bytes = withUnsafeBytes(of: &name) { Array($0) }
        }
    }

    /// A local socket; `@name` is an abstract one. Nil if the path is too long.
    init?(path: String) {
        let text = Array(path.utf8)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: name.sun_path)
        guard !text.isEmpty, text.count < room, !text.contains(0) else { return nil }
        let isAbstract = text[0] == UInt8(ascii: "@")
        withUnsafeMutableBytes(of: &name.sun_path) { place in
            place.copyBytes(from: text)
            if isAbstract { place[0] = 0 }
        }
        let head = MemoryLayout.size(ofValue: name) - room
        // The end of an abstract name is its length's, not a NUL's.
        self.bytes = withUnsafeBytes(of: &name) { Array($0.prefix(head + text.count + (isAbstract ? 0 : 1))) }
    }

    /// What a socket is bound to; nil for other families than the Internet's.
    static func bound(_ descriptor: Int32) -> (address: IPAddress, port: UInt16)? {
        var name = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard status == 0 else { return nil }
        return Self.read(&name)
    }

    private static func read(_ name: inout sockaddr_storage) -> (address: IPAddress, port: UInt16)? {
        let family = Int32(name.ss_family)
        return withUnsafeBytes(of: &name) { bytes in
            let port = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
            switch family {
            case AF_INET: return IPAddress(bytes: Array(bytes[4..<8])).map { ($0, port) }
            case AF_INET6: return IPAddress(bytes: Array(bytes[8..<24])).map { ($0, port) }
            default: return nil
            }
        }
    }

    func with<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result? {
        self.bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map { body($0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) }
        }
    }

    /// The addresses of a host name, as the system resolves it; blocks.
    static func resolve(_ host: String) -> Result<[IPAddress], StartError> {
        if let address = IPAddress(host) { return .success([address]) }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &list)
        defer { if let list { freeaddrinfo(list) } }
        guard status == 0 else { return .failure(StartError("\(host): \(String(cString: gai_strerror(status)))")) }
        var addresses: [IPAddress] = []
        var next = list
        while let entry = next, addresses.count < 64 {
            if let address = Self.address(entry.pointee), !addresses.contains(address) { addresses.append(address) }
            next = entry.pointee.ai_next
        }
        return addresses.isEmpty ? .failure(StartError("\(host): has no address")) : .success(addresses)
    }

    private static func address(_ entry: addrinfo) -> IPAddress? {
        guard let name = entry.ai_addr else { return nil }
        let bytes = UnsafeRawBufferPointer(start: name, count: Int(entry.ai_addrlen))
        switch entry.ai_family {
        case AF_INET where bytes.count >= 8: return IPAddress(bytes: Array(bytes[4..<8]))
        case AF_INET6 where bytes.count >= 24: return IPAddress(bytes: Array(bytes[8..<24]))
        default: return nil
        }
    }
}
