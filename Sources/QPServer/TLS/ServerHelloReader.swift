// ServerHelloReader.swift
//
// RFC 8446 §4.1.3: the cipher suite, read from our own ServerHello on its way out.

import NIOCore

/// Between the socket and the TLS handler: looks at the first thing that leaves, and goes.
final class ServerHelloReader: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The number of the suite, once it was said.
    private(set) var suite: UInt16?
    private var hasLooked = false

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let buffer = self.unwrapOutboundIn(data)
        if !self.hasLooked { self.suite = Self.suite(buffer.readableBytesView.prefix(128)) }
        self.hasLooked = true
        context.write(data, promise: promise)
    }

    /// What was written leaves first: a handler that has gone passes nothing on.
    func flush(context: ChannelHandlerContext) {
        context.flush()
        guard self.hasLooked else { return }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    /// The suite in a ServerHello or HelloRetryRequest, which name the same; `nil`: it is something else.
    static func suite(_ octets: some Collection<UInt8>) -> UInt16? {
        var reader = OctetReader(ArraySlice(octets))
        // A record: its kind, version and length; a message: its kind and length; version and random.
        guard reader.number(1) == 22, reader.skip(4), reader.number(1) == 2, reader.skip(3 + 34),
            reader.take(lengthOctets: 1) != nil, let suite = reader.number(2)
        else { return nil }
        return UInt16(suite)
    }
}

/// Names of cipher suites.
enum CipherSuiteName {
    /// The registered name of a suite; of one that BoringSSL does not have, its number.
    static func of(_ suite: UInt16) -> String {
        if let name = Self.names[suite] { return name }
        let digits = String(suite, radix: 16, uppercase: true)
        return "0x" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
    }

    private static let names: [UInt16: String] = [
        0x1301: "TLS_AES_128_GCM_SHA256",
        0x1302: "TLS_AES_256_GCM_SHA384",
        0x1303: "TLS_CHACHA20_POLY1305_SHA256",
        0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        0xC009: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        0xC00A: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        0xC013: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        0xC014: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        0xC027: "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        0x009C: "TLS_RSA_WITH_AES_128_GCM_SHA256",
        0x009D: "TLS_RSA_WITH_AES_256_GCM_SHA384",
        0x002F: "TLS_RSA_WITH_AES_128_CBC_SHA",
        0x0035: "TLS_RSA_WITH_AES_256_CBC_SHA",
    ]
}
