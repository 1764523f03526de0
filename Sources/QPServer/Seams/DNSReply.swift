// DNSReply.swift
//
// Answers of the DNS, taken apart by c-ares.

import CCares
import Glibc
import QPHooks

/// Makes answers out of replies.
enum DNSReply {
    /// Records of one answer; the rest is ignored.
    private static let limit = 64
    private static let maxText = 65536

    static func result(
        _ status: Int32, _ bytes: UnsafeBufferPointer<UInt8>, _ question: DNSQuestion
    ) -> Result<DNSAnswer, DNSError> {
        guard status == ARES_SUCCESS.rawStatus else { return .failure(Self.error(status)) }
        return switch question {
        case .a: Self.ipv4(bytes)
        case .aaaa: Self.ipv6(bytes)
        case .ptr: Self.pointers(bytes)
        case .mx: Self.exchanges(bytes)
        case .txt: Self.texts(bytes)
        case .ns: Self.servers(bytes)
        }
    }

    static func error(_ status: Int32) -> DNSError {
        switch status {
        case ARES_ENODATA.rawStatus: .noData
        case ARES_ENOTFOUND.rawStatus, ARES_EBADNAME.rawStatus: .noSuchName
        case ARES_ETIMEOUT.rawStatus: .timedOut
        case ARES_EDESTRUCTION.rawStatus, ARES_ECANCELLED.rawStatus: CaresChannel.stopped
        default: .temporary(String(cString: ares_strerror(status)))
        }
    }

    private static func finish<Value>(
        _ status: Int32, _ values: [Value], _ answer: ([Value]) -> DNSAnswer
    ) -> Result<DNSAnswer, DNSError> {
        guard status == ARES_SUCCESS.rawStatus else { return .failure(Self.error(status)) }
        return values.isEmpty ? .failure(.noData) : .success(answer(values))
    }

    private static func ipv4(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<DNSAnswer, DNSError> {
        var records = [ares_addrttl](repeating: ares_addrttl(), count: Self.limit)
        var count = Int32(Self.limit)
        let status = ares_parse_a_reply(bytes.baseAddress, Int32(clamping: bytes.count), nil, &records, &count)
        let addresses = records.prefix(max(0, Int(count))).compactMap { record in
            withUnsafeBytes(of: record.ipaddr) { IPAddress(bytes: Array($0))?.description }
        }
        return Self.finish(status, status == ARES_SUCCESS.rawStatus ? addresses : []) { .addresses($0) }
    }

    private static func ipv6(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<DNSAnswer, DNSError> {
        var records = [ares_addr6ttl](repeating: ares_addr6ttl(), count: Self.limit)
        var count = Int32(Self.limit)
        let status = ares_parse_aaaa_reply(bytes.baseAddress, Int32(clamping: bytes.count), nil, &records, &count)
        let addresses = records.prefix(max(0, Int(count))).compactMap { record in
            withUnsafeBytes(of: record.ip6addr) { IPAddress(bytes: Array($0.prefix(16)))?.description }
        }
        return Self.finish(status, status == ARES_SUCCESS.rawStatus ? addresses : []) { .addresses($0) }
    }

    private static func pointers(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<DNSAnswer, DNSError> {
        var host: UnsafeMutablePointer<hostent>?
        // c-ares copies the address into its result and needs some; nobody looks at it.
        var address: UInt32 = 0
        let status = ares_parse_ptr_reply(
            bytes.baseAddress, Int32(clamping: bytes.count), &address, Int32(MemoryLayout<UInt32>.size), AF_INET,
            &host)
        defer { if let host { ares_free_hostent(host) } }
        var names = Self.aliases(host)
        if names.isEmpty, let name = DNSName.answer(host?.pointee.h_name), !name.isEmpty { names.append(name) }
        return Self.finish(status, names) { .names($0) }
    }

    private static func servers(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<DNSAnswer, DNSError> {
        var host: UnsafeMutablePointer<hostent>?
        let status = ares_parse_ns_reply(bytes.baseAddress, Int32(clamping: bytes.count), &host)
        defer { if let host { ares_free_hostent(host) } }
        return Self.finish(status, Self.aliases(host)) { .names($0) }
    }

    private static func aliases(_ host: UnsafeMutablePointer<hostent>?) -> [String] {
        var names: [String] = []
        var next = host?.pointee.h_aliases
        while let place = next, let alias = place.pointee, names.count < Self.limit {
            if let name = DNSName.answer(alias), !name.isEmpty, !names.contains(name) { names.append(name) }
            next = place + 1
        }
        return names
    }

    private static func exchanges(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<DNSAnswer, DNSError> {
        var list: UnsafeMutablePointer<ares_mx_reply>?
        let status = ares_parse_mx_reply(bytes.baseAddress, Int32(clamping: bytes.count), &list)
        defer { if let list { ares_free_data(list) } }
        var exchanges: [DNSAnswer.MailExchange] = []
        var next = list
        while let record = next, exchanges.count < Self.limit {
            if let name = DNSName.answer(record.pointee.host) {
                exchanges.append(.init(preference: record.pointee.priority, name: name))
            }
            next = record.pointee.next
        }
        // Equal preferences stay in the order of the server, which may spread load by it.
        let sorted = exchanges.enumerated().sorted {
            ($0.element.preference, $0.offset) < ($1.element.preference, $1.offset)
        }
        return Self.finish(status, sorted.map(\.element)) { .exchanges($0) }
    }

    private static func texts(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<DNSAnswer, DNSError> {
        var list: UnsafeMutablePointer<ares_txt_ext>?
        let status = ares_parse_txt_reply_ext(bytes.baseAddress, Int32(clamping: bytes.count), &list)
        defer { if let list { ares_free_data(list) } }
        var texts: [[UInt8]] = []
        var size = 0
        var next = list
        while let chunk = next {
            if chunk.pointee.record_start != 0 || texts.isEmpty {
                guard texts.count < Self.limit else { break }
                texts.append([])
            }
            size += chunk.pointee.length
            guard size <= Self.maxText else { break }
            texts[texts.count - 1].append(
                contentsOf: UnsafeBufferPointer(start: chunk.pointee.txt, count: chunk.pointee.length))
            next = chunk.pointee.next
        }
        return Self.finish(status, texts.map { String(decoding: $0, as: UTF8.self) }) { .texts($0) }
    }
}

extension BinaryInteger {
    /// The constants of the header and the statuses of its functions are different integers in Swift.
    fileprivate var rawStatus: Int32 { Int32(truncatingIfNeeded: self) }
}
