// OperatorState.swift
//
// What of the configuration belongs to operators and observers, beside the generations of sessions.

import QPTelemetry

/// Who may see and steer the server, and what it remembers. Going back to a former generation changes none of it: a
/// token that was withdrawn stays withdrawn.
struct OperatorState: Sendable {
    /// What the process began with and keeps to its end.
    struct Start: Sendable {
        let listeners: [AdminListener]
        let telemetry: TelemetrySettings
    }

    /// What --admin says in place of config/admin; `nil`: nothing.
    let override: [AdminListener]?
    private(set) var access = AdminConfig?.none
    private(set) var telemetry = TelemetrySettings()
    private(set) var start: Start?

    init(override: [AdminListener]? = nil) {
        self.override = override
    }

    /// What is wrong with a configuration because of what is bound: a listener that the network reaches must not lose
    /// the last token, even if its line has gone.
    func problems(with admin: AdminConfig, in folder: String) -> [ConfigProblem] {
        guard admin.tokens.isEmpty, let start = self.start else { return [] }
        return start.listeners.filter { !$0.address.isLocal && !admin.addresses.contains($0) }.map { listener in
            .error(
                "\(listener) stays bound until the next start and would let the network see and steer this server; "
                    + "keep a token", file: "\(folder)/admin_tokens")
        }
    }

    /// Takes what was read.
    /// - Returns: what of it has to wait for the next start.
    mutating func take(_ admin: AdminConfig, _ telemetry: TelemetrySettings, in folder: String) -> [ConfigProblem] {
        self.access = admin
        self.telemetry = telemetry
        guard let start = self.start else {
            self.start = Start(listeners: self.override ?? admin.addresses, telemetry: telemetry)
            return []
        }
        var problems: [ConfigProblem] = []
        if self.override == nil, admin.addresses.map(\.fixed) != start.listeners.map(\.fixed) {
            problems.append(
                .warning("the addresses have changed: that takes effect at the next start", file: "\(folder)/admin"))
        }
        for name in telemetry.fixedNames(differingFrom: start.telemetry) {
            let file = name == "state_dir" ? name : "telemetry"
            problems.append(
                .warning("\(name) has changed: that takes effect at the next start", file: "\(folder)/\(file)"))
        }
        return problems
    }
}

extension AdminListener {
    /// What cannot change under a running endpoint: all but the hosts.
    fileprivate var fixed: [String?] { [self.description, self.certificate, self.privateKey] }
}
