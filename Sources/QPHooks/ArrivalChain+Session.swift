// ArrivalChain+Session.swift
//
// Those who decide about clients that arrive, asked within a session that turned out to be somebody else's.

extension ArrivalChain {
    /// The same handlers as a chain of a session.
    package var inSession: Chain<ArrivalEvent, Void> {
        var chain = Chain<ArrivalEvent, Void>()
        for element in self.elements {
            switch element.body {
            case .sync(let handler):
                chain.add(
                    .init(
                        slot: element.slot,
                        body: .sync { event, session in try handler(event, ArrivalContext(session: session)) }))
            case .waiting(let handler):
                chain.add(
                    .init(
                        slot: element.slot,
                        body: .waiting { event, session in
                            try await handler(event, ArrivalContext(session: session))
                        }))
            }
        }
        return chain
    }
}
