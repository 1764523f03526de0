// ConsoleSetup.swift
//
// Everything that is known before the first server is asked.

import Glibc

/// A console that is ready to begin.
struct ConsoleSetup: Sendable {
    /// A saved stream, and how it is called.
    struct Recording: Sendable {
        var file: ReplayFile
        var name: String
        var speed: Double
    }

    var model: ConsoleModel
    var clients: [AdminClient] = []
    var recording: Recording?
    var settings: ConsoleSettings
    /// Where settings are written; `nil`: there is no home.
    var settingsPath: String?
    var colors: String
    var hasMouse: Bool
    var environment: [String: String]

    /// - Throws: `UsageProblem`, `FileProblem`, `AddressProblem`, `ConsoleSettings.Problem`.
    init(_ options: ConsoleOptions, environment: [String: String]) throws {
        let folder = options.folder ?? UserFiles.folder(environment)
        self.environment = environment
        self.settingsPath = folder.map { $0 + "/settings" }
        self.settings = ConsoleSettings()
        if let path = self.settingsPath, let text = try UserFiles.read(path) {
            self.settings = try ConsoleSettings(text, file: path)
        }
        self.colors = options.colors ?? self.settings.colors ?? "auto"
        guard ConsoleSettings.colorNames.contains(self.colors) else {
            throw UsageProblem("--colors is one of \(ConsoleSettings.colorNames.joined(separator: ", "))")
        }
        self.hasMouse = options.hasMouse && self.settings.mouse != false
        let state = try options.state(self.settings, isUTF8: CursesTerminal.takeEncoding(), zone: Clock.zone)

        if let path = options.replay {
            guard options.servers.isEmpty else { throw UsageProblem("--replay takes the place of servers") }
            guard options.speed.isFinite, options.speed >= 0 else { throw UsageProblem("--speed is a number from 0") }
            guard let text = try UserFiles.read(path) else { throw FileProblem(path, errno: ENOENT) }
            let name = String(path.split(separator: "/").last ?? "recording")
            self.recording = Recording(file: ReplayFile(text, file: path), name: name, speed: options.speed)
            self.model = ConsoleModel(servers: [name], state: state, now: Clock.wall)
            self.model.state.isReadOnly = true
            return
        }

        let names = options.servers.isEmpty ? self.settings.servers : options.servers
        var addresses = try names.map { name in (name: name, address: try ServerAddress(name)) }
        if addresses.isEmpty {
            let address = ServerAddress.standard { access($0, F_OK) == 0 }
            addresses = [(name: address.label, address: address)]
        }
        let tokens = try Self.tokens(options, folder, environment)
        self.clients = try Self.clients(
            addresses.map { name, address in
                (address, tokens.single ?? tokens.file[name, address.label])
            }, options.authorities)
        self.model = ConsoleModel(servers: addresses.map(\.address.label), state: state, now: Clock.wall)
    }

    /// Clients for all servers, or none: a client must be closed by whoever has it.
    private static func clients(
        _ servers: [(address: ServerAddress, token: String?)], _ authorities: String?
    ) throws(AddressProblem) -> [AdminClient] {
        var clients: [AdminClient] = []
        do throws(AddressProblem) {
            for (address, token) in servers {
                clients.append(try AdminClient(address, token: token, authorities: authorities))
            }
        } catch {
            let begun = clients
            Blocking.run { for client in begun { await client.close() } }
            throw error
        }
        return clients
    }

    /// A token for all servers, and those that the file has. None is ever taken from the command line: others see it.
    private static func tokens(
        _ options: ConsoleOptions, _ folder: String?, _ environment: [String: String]
    ) throws -> (single: String?, file: TokenFile) {
        var single = environment["QPCONSOLE_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        if let path = options.tokenFile {
            guard let text = try UserFiles.read(path, isSecret: true) else { throw FileProblem(path, errno: ENOENT) }
            let words = text.split(whereSeparator: \.isWhitespace)
            guard let word = words.first, words.count == 1 else {
                throw FileProblem("\(path): a token, and nothing else, should be in it")
            }
            single = String(word)
        }
        guard let path = folder.map({ $0 + "/tokens" }), let text = try UserFiles.read(path, isSecret: true) else {
            return (single, TokenFile())
        }
        return (single, try TokenFile(text, file: path))
    }
}
