// TLSPeer.swift
//
// A server behind us that speaks TLS, on the loopback.

import NIOCore
import NIOPosix
import NIOSSL
import QPHooks

/// Says "hello" under TLS from the first octet, and then what it hears.
final class TLSPeer: Sendable {
    let destination: Destination
    private let channel: any Channel

    init() async throws {
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: NIOSSLCertificate.fromPEMBytes(Array(Self.certificate.utf8)).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(Self.key.utf8), format: .pem))))
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([NIOSSLServerHandler(context: context), Echo()])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.destination = .tcp(host: "127.0.0.1", port: self.channel.localAddress?.port ?? 0)
    }

    deinit {
        self.channel.close(promise: nil)
    }

    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(NIOAny(ByteBuffer(string: "hello")), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    /// For peer.example, localhost and 127.0.0.1, signed by itself. It protects nothing.
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBrzCCAVWgAwIBAgIUZt7GdtN8y7Fd5Tvmkt6yvwpSJQgwCgYIKoZIzj0EAwIw
        FzEVMBMGA1UEAwwMcGVlci5leGFtcGxlMCAXDTI2MTEyODA5MTEyOFoYDzIxMjYx
        MTA0MDkxMTI4WjAXMRUwEwYDVQQDDAxwZWVyLmV4YW1wbGUwWTATBgcqhkjOPQIB
        BggqhkjOPQMBBwNCAAQLZYdj7D9c79YJ5415MMFjh/vzppblHeXwwraLMHYFsrxP
        Jb5vRbyU8Mm6Gf2qtiim53BmVjhSTFvQwqIPrEk5o30wezAdBgNVHQ4EFgQUYGvj
        6LjTBfTl9JaZirPAsby8PngwHwYDVR0jBBgwFoAUYGvj6LjTBfTl9JaZirPAsby8
        PngwDwYDVR0TAQH/BAUwAwEB/zAoBgNVHREEITAfggxwZWVyLmV4YW1wbGWCCWxv
        Y2FsaG9zdIcEfwAAATAKBggqhkjOPQQDAgNIADBFAiBZi3nIaefjlFs3AzrABOkY
        Mq7WV0M7YzGVwClsfctjNgIhANM/nG/oetBx3pvjZtbE/TWaENypuaMCwbP+yvFJ
        1tfX
        -----END CERTIFICATE-----
        """

    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBLyee5lLgl1ueuz1
        j2flCGljV4i61OloR/9EZtpovKehRANCAAQLZYdj7D9c79YJ5415MMFjh/vzppbl
        HeXwwraLMHYFsrxPJb5vRbyU8Mm6Gf2qtiim53BmVjhSTFvQwqIPrEk5
        -----END PRIVATE KEY-----
        """
}
