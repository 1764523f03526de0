// OrderResult+JSON.swift
//
// What an order did, in words.

import QPTelemetry

extension OrderResult {
    /// Reads the answer to an order that was carried out.
    init(of order: Order, _ octets: some Collection<UInt8>) throws {
        self =
            switch order {
            case .kick(let id): .done("ended \(id)")
            case .previewBan(let request): .preview(request, try JSONAnswer.decode(BanPreview.self, from: octets))
            case .ban(let request):
                .done(Self.banned(try JSONAnswer.decode(BanRow.self, from: octets).network, request.timeToLive))
            case .liftBan: .done("lifted the ban")
            case .patch(let name, let patch): .done(Self.switched(name, patch))
            case .reload: .done("configuration \(try Self.current(octets)) in use")
            case .goBack: .done("went back to configuration \(try Self.current(octets))")
            case .drain(let isOn): .done(isOn ? "draining" : "no longer draining")
            case .softBounce(let isOn): .done("soft bounce \(isOn ? "on" : "off")")
            }
    }

    private static func banned(_ network: String, _ seconds: Double?) -> String {
        "banned \(network) " + (seconds.map { "for \(NumberText().duration($0))" } ?? "until it is lifted")
    }

    private static func switched(_ name: String, _ patch: PluginPatch) -> String {
        let changes = [
            patch.mode.map { "mode \($0)" }, patch.timeLimit.map { "time limit \(NumberText().duration($0))" },
            patch.logLevel.map { "log level \($0)" },
        ].compactMap(\.self)
        return "\(name): " + (changes.isEmpty ? "nothing changed" : changes.joined(separator: ", "))
    }

    private static func current(_ octets: some Collection<UInt8>) throws -> String {
        let generations = try JSONAnswer.decode(Generations.self, from: octets).generations
        return generations.first(where: \.isCurrent).map { String($0.number) } ?? "of a number that is not known"
    }
}
