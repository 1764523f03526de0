// Answer+JSON.swift
//
// What comes back for each need.

import QPTelemetry

extension Answer {
    /// Reads the answer to a need.
    init(to need: Need, _ octets: some Collection<UInt8>) throws {
        self =
            switch need {
            case .overview: .overview(try JSONAnswer.decode(Overview.self, from: octets))
            case .rates: .rates(try JSONAnswer.decode(RateSeries.self, from: octets))
            case .whoami: .whoami(try JSONAnswer.decode(Whoami.self, from: octets))
            case .sessions(let wish): .sessions(wish, try JSONAnswer.decode(SessionPage.self, from: octets))
            case .session(let id): .session(id, try JSONAnswer.decode(SessionDetail.self, from: octets))
            case .plugins: .plugins(try JSONAnswer.decode([PluginRow].self, from: octets))
            case .hooks: .hooks(try JSONAnswer.decode([HookRow].self, from: octets))
            case .bans: .bans(try JSONAnswer.decode([BanRow].self, from: octets))
            case .generations: .generations(try JSONAnswer.decode(Generations.self, from: octets))
            case .difference(let from): .difference(from, try JSONAnswer.decode([FileDifference].self, from: octets))
            case .backends: .backends(try JSONAnswer.decode([BackendRow].self, from: octets))
            case .top(let field, _, _, _): .top(field, try JSONAnswer.decode([TopRow].self, from: octets))
            }
    }
}
