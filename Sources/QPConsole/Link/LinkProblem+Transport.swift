// LinkProblem+Transport.swift
//
// Errors of sockets, names, TLS and HTTP in words.

import AsyncHTTPClient
import CLinuxShims
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension LinkProblem {
    /// What an error of the transport means.
    init(_ error: any Error, from server: Peer) {
        let label = server.label
        switch error {
        case let problem as LinkProblem: self = problem
        case let error as HTTPClientError: self = Self.client(error, label)
        case let error as NIOConnectionError: self = .unreachable("\(label): \(Self.connecting(error))")
        case let error as IOError: self = .unreachable("\(label): \(Self.name(error.errnoCode))")
        case let error as ChannelError: self = .unreachable("\(label): \(Self.channel(error))")
        case HTTPParserError.invalidEOFState: self = .unreachable("\(label): the connection was closed")
        case is HTTPParserError: self = .foreign(at: label, "it speaks no HTTP")
        case is NIOTooManyBytesError: self = .foreign(at: label, "the answer is too large")
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            self = .unreachable("\(label): TLS: \(Self.tls(error))")
        default: self = .unreachable("\(label): \(String(describing: error).prefix(120))")
        }
    }

    /// Whether the other side went away.
    static func isClosed(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .remoteConnectionClosed
        case let error as ChannelError: [.ioOnClosedChannel, .inputClosed, .outputClosed, .eof].contains(error)
        case let error as IOError: error.errnoCode == EPIPE || error.errnoCode == ECONNRESET
        case HTTPParserError.invalidEOFState: true
        default: false
        }
    }

    private static func client(_ error: HTTPClientError, _ label: String) -> Self {
        switch error {
        case .connectTimeout, .getConnectionFromPoolTimeout, .deadlineExceeded, .readTimeout, .writeTimeout:
            .unreachable("\(label): no answer in time")
        case .tlsHandshakeTimeout: .unreachable("\(label): TLS: no answer in time")
        case .remoteConnectionClosed: .unreachable("\(label): the connection was closed")
        case .cancelled, .alreadyShutdown: .unreachable("\(label): not asked any more")
        default: .unreachable("\(label): \(error.shortDescription)")
        }
    }

    private static func connecting(_ error: NIOConnectionError) -> String {
        if let failure = error.connectionErrors.first {
            switch failure.error {
            case let error as IOError: return Self.name(error.errnoCode)
            case let error as ChannelError: return Self.channel(error)
            default: return String(describing: failure.error)
            }
        }
        return "there is no host of this name"
    }

    private static func channel(_ error: ChannelError) -> String {
        if case .connectTimeout = error { return "no answer in time" }
        return "the connection was closed"
    }

    private static func name(_ number: CInt) -> String {
        switch number {
        case ENOENT: return "no such file"
        case ECONNREFUSED: return "connection refused"
        default:
            let text = String(cString: qp_error_text(number))
            return text.prefix(1).lowercased() + text.dropFirst()
        }
    }

    private static func tls(_ error: any Error) -> String {
        let text = String(describing: error)
        // Texts of the library name its source files; these are what operators meet.
        if text.contains("CERTIFICATE_VERIFY_FAILED") { return "the certificate is not trusted here" }
        if text.contains("WRONG_VERSION_NUMBER") { return "there is no TLS on this port" }
        if text.contains("failedToValidateHostname") || text.contains("unableToValidateCertificate") {
            return "the certificate is for another name"
        }
        return String(text.prefix(120))
    }
}
