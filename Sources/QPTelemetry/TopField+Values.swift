// TopField+Values.swift
//
// What a session counts for.

extension TopField {
    /// The values of a session; `network` makes a network out of an address.
    package func values(of row: SessionRow, network: (String) -> String) -> [String] {
        switch self {
        case .address: [row.peer]
        case .network: [network(row.peer)]
        case .helo: [row.helo ?? ""]
        case .domain: [row.sender.flatMap { $0.split(separator: "@").last.map(String.init) }?.lowercased() ?? ""]
        case .sender: [row.sender ?? ""]
        case .recipient: row.recipients
        case .reason: [row.reason ?? ""]
        case .code: [row.code.map(String.init) ?? ""]
        case .plugin: [row.decidedBy ?? ""]
        case .listener: [row.listener]
        }
    }
}
