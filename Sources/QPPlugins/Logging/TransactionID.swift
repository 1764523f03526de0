// TransactionID.swift
//
// Log lines with the mail's name in front.

public import QPHooks

/// Writes serious log lines to the standard error, the mail's name in front.
public struct TransactionID: Plugin {
    public static let name = "logging/transaction_id"

    public static let manual = """
        logging/transaction_id [LEVEL]

        Writes every line that is at least as serious as LEVEL (default LOGWARN) to the standard error, beginning with the
        name of the mail: that of its connection, a dot, and its number there. Before the first mail it is the
        connection's; `-` stands for none.

            0abc1def2ghj.2 (rcpt) rcpt_ok: pass
        """

    private let lines: LinesWithName

    public init(_ setup: PluginSetup) throws(PluginError) {
        self.lines = try LinesWithName(setup)
    }

    public func register(on hooks: inout HookTable) {
        hooks.on(.logging) { event in
            self.lines.write(event, name: event.session?.text(transaction: event.transaction))
        }
    }
}
