// ServeOptions.swift
//
// What the command line asks for, with the options of qpsmtpd-forkserver and qpsmtpd-prefork.

package import QPActors
import QPHooks

/// The words of the command line, before anything is made of them. Options that may be repeated are lists.
public struct ServeArguments: Sendable, Hashable {
    /// The configuration directory.
    public var config: String?
    /// `ADDR:PORT[,option...]`, repeated.
    public var listen: [String] = []
    /// `ADDR:PORT` or `unix:PATH`, repeated, or `none`.
    public var admin: [String] = []
    /// `OUTPUT [format] [level]`, repeated.
    public var log: [String] = []
    /// Where the number of the process is written.
    public var pidFile: String?
    /// `user` or `user:group` to run as.
    public var user: String?
    /// Go on in the background.
    public var detach = false

    // Of qpsmtpd-forkserver and -prefork.
    /// `--listen-address` of qpsmtpd-forkserver.
    public var listenAddress: [String] = []
    /// `--interface` of qpsmtpd-prefork.
    public var interface: [String] = []
    /// `--port` of both.
    public var port: [String] = []
    /// `--limit-connections` of qpsmtpd-forkserver.
    public var limitConnections: String?
    /// `--max-from-ip` of both.
    public var maxFromIP: String?
    /// `--children` of qpsmtpd-prefork.
    public var children: String?
    /// `--idle-children`; accepted, without meaning.
    public var idleChildren: String?
    /// `--renice-parent`; accepted, without meaning.
    public var reniceParent: String?
    /// No reverse DNS lookups.
    public var noReverseDNS = false
    /// `--pretty-child`; accepted, without meaning.
    public var prettyChild = false
    /// `--quiet`; accepted, without meaning.
    public var quiet = false
    /// Log everything.
    public var debug = false

    /// Event loops; `nil`: one for each processor.
    public var loops: Int?

    /// Nothing asked for.
    public init() {}
}

/// What the command line asks for, checked.
package struct ServeOptions: Sendable, Hashable {
    /// The configuration directory; nil: where qpsmtpd would look.
    package let config: String?
    /// Where to listen; empty: what config/listen says.
    package let listen: [ListenAddress]
    /// Where the admin endpoint listens; empty: nowhere; `nil`: what config/admin says.
    package let adminOverride: [AdminListener]?
    /// Where lines go; empty: what config/log says.
    package let log: [LogTarget]
    package let pidFile: String?
    /// `user` or `user:group`.
    package let user: String?
    package let detach: Bool
    /// Replaces `max_connections`.
    package let maxConnections: Int?
    /// Replaces `max_conn_ip`; 0: no limit.
    package let maxConnectionsPerAddress: Int?
    private let noReverseDNS: Bool
    private let debug: Bool
    /// Options that were accepted and mean nothing here, for a line in the log.
    package let ignored: [String]

    /// Where a forkserver would listen: what stands for an empty `listen` where there is no config/listen either.
    package static let standard = ListenAddress(host: "::", port: 2525)

    package init(_ arguments: ServeArguments) throws(StartError) {
        self.config = try Self.path(arguments.config, "--config")
        self.pidFile = try Self.path(arguments.pidFile, "--pid-file")
        self.user = arguments.user
        self.detach = arguments.detach
        let isPrefork = arguments.isPrefork
        self.listen = try Self.listeners(arguments, defaultPort: isPrefork ? 25 : 2525)
        self.adminOverride = try Self.admins(arguments.admin)
        self.log = try Self.logs(arguments.log)

        let children = try Self.number(arguments.children, "--children")
        let limit = try Self.number(arguments.limitConnections, "--limit-connections")
        if children != nil, limit != nil {
            throw StartError(
                "--children (qpsmtpd-prefork) and --limit-connections (qpsmtpd-forkserver) exclude each other")
        }
        if (limit ?? children) == 0 {
            throw StartError("\(limit == nil ? "--children" : "--limit-connections") must be at least 1")
        }
        self.maxConnections = limit ?? children
        let perAddress = try Self.number(arguments.maxFromIP, "--max-from-ip")
        // The two model servers disagree: 0 is "no limit" with one, "all children" with the other.
        self.maxConnectionsPerAddress = isPrefork && perAddress == 0 ? children ?? 15 : perAddress
        _ = try Self.number(arguments.idleChildren, "--idle-children")
        _ = try Self.number(arguments.reniceParent, "--renice-parent")
        self.ignored = arguments.ignored
        self.noReverseDNS = arguments.noReverseDNS
        self.debug = arguments.debug
        if let loops = arguments.loops, !(1...256).contains(loops) {
            throw StartError("--loops \(loops): not a number from 1 to 256")
        }
    }

    /// What --admin names.
    package var admin: [AdminListener] { self.adminOverride ?? [] }

    /// Puts the command line's wishes over those of the files.
    package func adjust(_ settings: inout ServerSettings) {
        if let most = self.maxConnections { settings.limits.maxConnections = most }
        if let most = self.maxConnectionsPerAddress { settings.limits.maxConnectionsPerAddress = most }
        if self.noReverseDNS { settings.reverseDNS = nil }
        if self.debug { settings.logLevel = .debug }
    }

    // MARK: Listeners

    private static func listeners(
        _ arguments: ServeArguments, defaultPort: UInt16
    ) throws(StartError) -> [ListenAddress] {
        var result: [ListenAddress] = []
        for text in arguments.listen {
            do { result.append(try ListenAddress(flag: text)) } catch { throw StartError("\(error)") }
        }
        result += try Self.compatible(
            arguments.listenAddress + arguments.interface, ports: arguments.port, defaultPort: defaultPort)
        for (index, address) in result.enumerated() where address.port != 0 {
            if result[..<index].contains(where: { $0.address == address.address }) {
                throw StartError("\(address.address) is asked for twice")
            }
        }
        return result
    }

    /// Every address without a port of its own is combined with every port.
    private static func compatible(
        _ addresses: [String], ports: [String], defaultPort: UInt16
    ) throws(StartError) -> [ListenAddress] {
        guard !addresses.isEmpty || !ports.isEmpty else { return [] }
        var numbers: [UInt16] = []
        for text in ports {
            guard let number = ConfigNumber.whole(text).flatMap(UInt16.init(exactly:)) else {
                throw StartError("--port \(text): not a port (0 to 65535)")
            }
            numbers.append(number)
        }
        if numbers.isEmpty { numbers = [defaultPort] }

        var result: [ListenAddress] = []
        for text in addresses.isEmpty ? ["[::]"] : addresses {
            for number in numbers {
                switch SocketAddressText.parse(text, defaultPort: number) {
                case .success(let value):
                    let address = ListenAddress(host: value.host, port: value.port)
                    // An address with a port of its own is one, however many ports there are.
                    if !Self.hasPort(text) || number == numbers.first { result.append(address) }
                case .failure(let problem): throw StartError("--listen-address: \(problem.text)")
                }
            }
        }
        return result
    }

    private static func hasPort(_ text: String) -> Bool {
        guard case .failure = SocketAddressText.parse(text) else { return true }
        return false
    }

    // MARK: The rest

    private static func admins(_ texts: [String]) throws(StartError) -> [AdminListener]? {
        if texts.isEmpty { return nil }
        if texts == ["none"] { return [] }
        var result: [AdminListener] = []
        for text in texts {
            if text == "none" { throw StartError("--admin none: stands alone, or it is no 'none'") }
            do { result.append(try AdminListener(flag: text)) } catch { throw StartError("\(error)") }
            if let last = result.last, result.dropLast().contains(last) {
                throw StartError("--admin \(last) is asked for twice")
            }
        }
        return result
    }

    private static func logs(_ texts: [String]) throws(StartError) -> [LogTarget] {
        var result: [LogTarget] = []
        for text in texts {
            switch LogTarget.parse(text) {
            case .success(let target): result.append(target)
            case .failure(let problem): throw StartError("--log \(text): \(problem.text)")
            }
        }
        return result
    }

    private static func number(_ text: String?, _ option: String) throws(StartError) -> Int? {
        guard let text else { return nil }
        guard let number = ConfigNumber.whole(text), number <= 1_000_000 else {
            throw StartError("\(option) \(text): not a number from 0 to 1000000")
        }
        return Int(number)
    }

    private static func path(_ text: String?, _ option: String) throws(StartError) -> String? {
        guard let text else { return nil }
        guard SystemCall.isPath(text) else { throw StartError("\(option): no path") }
        return text
    }
}

extension ServeArguments {
    /// Whether the options are those of qpsmtpd-prefork, whose defaults are others.
    var isPrefork: Bool {
        self.children != nil || self.idleChildren != nil || self.reniceParent != nil || self.prettyChild
            || !self.interface.isEmpty
    }

    var ignored: [String] {
        var names: [String] = []
        if self.idleChildren != nil { names.append("--idle-children") }
        if self.reniceParent != nil { names.append("--renice-parent") }
        if self.prettyChild { names.append("--pretty-child") }
        if self.quiet { names.append("--quiet") }
        return names
    }
}
