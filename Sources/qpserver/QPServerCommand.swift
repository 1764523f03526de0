// QPServerCommand.swift
//
// The executable: arguments in, exit status out.

import ArgumentParser
import Glibc
import QPActors
import QPAdminHTTP
import QPHooks
import QPPlugins
import QPServer
import QPTelemetry

@main
struct QPServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "qpserver",
        abstract: "An SMTP server in which plugins decide everything.",
        version: Version.number,
        subcommands: [Serve.self, Check.self, Plugins.self, Try.self, Token.self, Import.self],
        defaultSubcommand: Serve.self)
}

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Accepts mail (the default).",
        discussion: "Takes the options of qpsmtpd-forkserver and qpsmtpd-prefork as well.")

    @Option(name: .long, help: "The configuration directory.") var config: String?
    @Option(name: .long, help: "ADDR:PORT; repeatable, overrides config/listen.") var listen: [String] = []
    @Option(name: .long, help: "ADDR:PORT or unix:PATH; repeatable, overrides config/admin. none: nowhere.")
    var admin: [String] = []
    @Option(name: .long, help: "OUTPUT [format] [level]; repeatable, overrides config/log.") var log: [String] = []
    @Option(name: .customLong("pid-file"), help: "Where to write the number of the process.") var pidFile: String?
    @Option(name: .shortAndLong, help: "USER[:GROUP] to run as once the sockets are bound.") var user: String?
    @Flag(name: .shortAndLong, help: "Go on in the background.") var detach = false
    @Option(name: .long, help: "Event loops; one for each processor, at most 16, by default.") var loops: Int?
    @Flag(name: [.customLong("no-rdns"), .customShort("H")], help: "No reverse DNS lookups.") var noReverseDNS = false

    @Option(name: [.customLong("listen-address"), .customShort("l")], help: "ADDR[:PORT]; repeatable.")
    var listenAddress: [String] = []
    @Option(name: .long, help: "As --listen-address.") var interface: [String] = []
    @Option(name: .shortAndLong, help: "Port for every address without one; repeatable.") var port: [String] = []
    @Option(name: [.customLong("limit-connections"), .customShort("c")], help: "As max_connections.")
    var limitConnections: String?
    @Option(name: [.customLong("max-from-ip"), .customShort("m")], help: "As max_conn_ip.") var maxFromIP: String?
    @Option(name: .long, help: "As max_connections.") var children: String?
    @Option(name: .customLong("idle-children"), help: .hidden) var idleChildren: String?
    @Option(name: .customLong("renice-parent"), help: .hidden) var reniceParent: String?
    @Flag(name: .customLong("pretty-child"), help: .hidden) var prettyChild = false
    @Flag(name: .long, help: .hidden) var quiet = false
    @Flag(name: .long, help: "Log everything.") var debug = false

    func run() throws {
        var arguments = ServeArguments()
        arguments.config = self.config
        arguments.listen = self.listen
        arguments.admin = self.admin
        arguments.log = self.log
        arguments.pidFile = self.pidFile
        arguments.user = self.user
        arguments.detach = self.detach
        arguments.loops = self.loops
        arguments.noReverseDNS = self.noReverseDNS
        arguments.listenAddress = self.listenAddress
        arguments.interface = self.interface
        arguments.port = self.port
        arguments.limitConnections = self.limitConnections
        arguments.maxFromIP = self.maxFromIP
        arguments.children = self.children
        arguments.idleChildren = self.idleChildren
        arguments.reniceParent = self.reniceParent
        arguments.prettyChild = self.prettyChild
        arguments.quiet = self.quiet
        arguments.debug = self.debug
        throw ExitCode(Server.run(arguments, plugins: BundledPlugins.all, admin: AdminHTTP()))
    }
}

struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Checks a configuration directory.")

    @Option(name: .long, help: "The configuration directory.") var config: String?

    func run() throws { throw ExitCode(Server.check(self.config, plugins: BundledPlugins.all)) }
}
