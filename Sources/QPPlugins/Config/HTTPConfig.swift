// HTTPConfig.swift
//
// RFC 9110 §9.3.1 (GET), §15 (status codes)

public import QPHooks

/// Takes configuration from web servers.
public struct HTTPConfig: Plugin {
    public static let name = "http_config"

    public static let manual = """
        http_config URL [URL ...] [interval SECONDS]

        Takes the content of configuration files from web servers, in place of the files. A name of a file is put behind
        each URL in turn:

            http_config http://config.example/qpserver/ https://backup.example/get?file=

        asks http://config.example/qpserver/rcpthosts for rcpthosts, and the second URL if there is no such page (404 or
        410), or nothing in it. Without any such page the file counts. Blank lines and lines that begin with # are left
        out; $include has no meaning there.

        What the server and other plugins read is fetched at the start, before the first client is let in, and every
        `interval` seconds (default 300, from 10 to 86400); sessions never wait for it. While a web server fails, or
        says anything else, it is asked every 30 seconds and what it said last stays; the log tells the failure once,
        and its end. If it fails at the start, files count until it answers.

        A page has at most 1 MiB of text in UTF-8, an answer may take 5 seconds, and all of them together hold up the
        start for 10 seconds at most. There are at most 8 URLs and 256 names. The web servers decide who may send mail
        through this server: use https, or a network that nobody else is in. What differences.md calls "files only" is
        never asked for, nor are names with a slash. Load it anywhere in the list.
        """

    static let bodyLimit = 1 << 20, mostPrefixes = 8
    static let patience = Duration.seconds(5), afterFailure = Duration.seconds(30)
    private let prefixes: [String]
    private let interval: Duration
    private let answers: HTTPConfigAnswers

    public init(_ setup: PluginSetup) throws(PluginError) {
        let urls = setup.arguments.prefix { $0.contains("://") }
        guard !urls.isEmpty else { throw .argument("it needs the beginning of a URL, such as http://host/folder/") }
        guard urls.count <= Self.mostPrefixes else { throw .argument("more than \(Self.mostPrefixes) URLs") }
        for url in urls where !Self.isPrefix(url) {
            throw .argument("'\(url)' is no URL of http or https with a slash or a query after the host")
        }
        let words = Array(setup.arguments.dropFirst(urls.count))
        let text = try KeyedArguments(words, allowed: ["interval"])["interval"] ?? "300"
        guard let seconds = Int(text), (10...86400).contains(seconds) else {
            throw .argument("interval '\(text)' is no number of seconds from 10 to 86400")
        }
        self.prefixes = Array(urls)
        self.interval = .seconds(seconds)
        // A line that changes must not begin without what is known already.
        self.answers = setup.shared(StorageKey("http_config \(urls.joined(separator: " "))")) { HTTPConfigAnswers() }
        setup.declarePure()
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.config, self.answer)
    }

    @Sendable
    func answer(_ event: ConfigEvent) -> Verdict<[String]> {
        self.answers.lines(of: event.name).map { .ok($0) } ?? .declined
    }

    public func prepare(_ background: BackgroundContext) async {
        await self.fetch(self.answers.untried, background)
    }

    public func run(_ background: BackgroundContext) async throws {
        while true {
            let isIncomplete = self.answers.isFailing || !self.answers.untried.isEmpty
            let pause = isIncomplete ? min(self.interval, Self.afterFailure) : self.interval
            try await background.clock.sleep(for: pause)
            await self.fetch(self.answers.names, background)
        }
    }

    private func fetch(_ names: [String], _ background: BackgroundContext) async {
        guard !names.isEmpty else { return }
        let round = HTTPConfigRound(http: background.http, prefixes: self.prefixes)
        let outcomes = await round.ask(names)
        guard !Task.isCancelled else { return }
        for (level, line) in self.answers.note(round.failures) { background.log(level, line) }
        let changed = self.answers.take(outcomes)
        guard !changed.isEmpty else { return }
        background.log(.info, "pass, new content of \(changed.sorted().joined(separator: ", "))")
        await background.configChanged(changed)
    }

    /// Users and passwords in URLs would be in every log.
    private static func isPrefix(_ url: String) -> Bool {
        guard let scheme = ["http://", "https://"].first(where: { url.hasPrefix($0) }) else { return false }
        let rest = url.dropFirst(scheme.count)
        let host = rest.prefix { $0 != "/" && $0 != "?" }
        return !host.isEmpty && host.count < rest.count && !host.contains("@")
            && rest.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
    }
}
