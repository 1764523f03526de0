// DNSWhitelistSoft.swift
//
// RFC 5782 §2.2 (white lists)

public import QPHooks

/// Spares clients that DNS lists recommend.
public struct DNSWhitelistSoft: Plugin {
    public static let name = "dns_whitelist_soft"

    public static let manual = """
        dns_whitelist_soft

        Looks the client's address up in the lists of config/whitelist_zones, one zone on a line:

            white.example.org

        All are asked for their text (TXT) at once, before the greeting, for 4 seconds at most. A client that one of them
        knows gets the note whitelisthost, and filters leave it alone; nothing else happens. Load it before them.
        """

    private let zones: ConfigTable<[BlockZone]>

    public init(_ setup: PluginSetup) throws(PluginError) {
        _ = try setup.keyedArguments([])
        self.zones = try setup.table("whitelist_zones") { file throws(PluginError) in
            var zones: [BlockZone] = []
            for line in file.lines {
                guard let zone = BlockZone(line.words.first ?? "") else {
                    throw line.error("'\(line.text)' is no zone")
                }
                zones.append(zone)
            }
            return zones
        }
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.connect, self.look)
    }

    @Sendable
    func look(_ event: PlainEvent, in session: SessionContext) async -> Verdict<Void> {
        let client = session.connection.remoteAddress
        let labels = client.reversedLabels
        let queries = self.zones.content(in: session).map {
            BlockQuery(zone: $0, name: labels, subject: client.description)
        }
        let result = await BlockResult.first(of: queries, session.dns, timeout: .seconds(4))
        for failure in result.failures { session.log.error("error, \(failure)") }
        guard let (query, text) = result.listing else { return .declined }
        session.log.info("pass, known to \(query.zone.zone)")
        // A note that is empty or 0 would say no.
        session.notes[NoteKey<String>("whitelisthost")] = text.isEmpty || text == "0" ? "1" : text
        return .declined
    }
}
