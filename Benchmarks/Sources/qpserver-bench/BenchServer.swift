// BenchServer.swift
//
// The server as it is, with plugins that only cost what a handler costs; limits out of the way.

import ArgumentParser
import Foundation
import QPHooks
import QPServer

@main
struct BenchServer: ParsableCommand {
    enum Profile: String, ExpressibleByArgument {
        case ten, every, none
    }

    @Option(help: "ADDR:PORT.") var listen: String
    @Option(help: "ten, every or none.") var profile: Profile = .ten
    @Option(help: "How many plugins.") var handlers = 10
    @Flag(help: "Every message goes to disk.") var spool = false
    @Option(help: "Event loops.") var loops = 1

    func run() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("qpserver-bench-\(getpid())")
        let config = folder.appendingPathComponent("config")
        try FileManager.default.createDirectory(at: config, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        let count = max(1, self.handlers)
        var lines: [String] = []
        switch self.profile {
        case .none: break
        case .ten: lines = (1..<count).map { "bench/decline:\($0)" }
        case .every: lines = (1..<count).map { "bench/every:\($0)" }
        }
        lines.append("bench/accept")
        let files = [
            "plugins": lines.joined(separator: "\n"), "me": "mx.bench.example", "reverse_dns": "0",
            "spool_dir": folder.appendingPathComponent("spool").path, "log": "stderr text notice",
            "limits": """
            max_connections 20000
            max_conn_ip 0
            max_transactions 1000000
            max_errors 1000000
            session_timeout 86400
            """,
            "size_threshold": self.spool ? "0" : "1000000",
        ]
        for (name, text) in files {
            try (text + "\n").write(to: config.appendingPathComponent(name), atomically: true, encoding: .utf8)
        }

        var arguments = ServeArguments()
        arguments.config = config.path
        arguments.listen = [self.listen]
        arguments.loops = self.loops
        arguments.log = ["stderr,text,warning"]
        let status = Server.run(
            arguments, plugins: [Decline.self, Accept.self, Every.self],
            whenReady: { FileHandle.standardOutput.write(Data("ready\n".utf8)) })
        throw ExitCode(status)
    }
}
