// ServerLink.swift
//
// Keeps asking one server what is wanted of it, and tells what comes back.

import QPTelemetry

/// The link to one server. Its functions may be called from any thread, and return at once.
final class ServerLink: Sendable {
    private let client: AdminClient
    private let wishes: AsyncStream<LinkWish>.Continuation
    private let orders: AsyncStream<Order>.Continuation
    private let task: Task<Void, Never>

    /// Begins to ask. News comes in the order in which things happened, from any thread.
    init(index: Int, client: AdminClient, deliver: @escaping @Sendable (News) -> Void) {
        let (wishes, wishesInlet) = AsyncStream.makeStream(of: LinkWish.self)
        let (orders, ordersInlet) = AsyncStream.makeStream(of: Order.self)
        self.client = client
        self.wishes = wishesInlet
        self.orders = ordersInlet
        let core = LinkCore(index: index, client: client, deliver: deliver)
        self.task = Task { await core.run(wishes, orders) }
    }

    /// What is asked every so many seconds from now on, and which streams are open, in the place of what was before.
    /// What is new is asked at once.
    func want(_ needs: [Need], streams: [StreamWish], interval: Double) {
        self.wishes.yield(LinkWish(needs: needs, streams: streams, interval: interval))
    }

    /// Carries out an order, after those before it. What is wanted is asked again when it is done.
    func perform(_ order: Order) { self.orders.yield(order) }

    /// Ends everything. Nothing is told any more when this has returned.
    func stop() async {
        self.wishes.finish()
        self.orders.finish()
        self.task.cancel()
        await self.task.value
        await self.client.close()
    }
}

/// What is wanted of a server.
struct LinkWish: Hashable, Sendable {
    var needs: [Need]
    var streams: [StreamWish]
    /// In seconds.
    var interval: Double

    /// The interval within reason.
    var pause: Duration { .seconds(self.interval.isFinite ? min(max(self.interval, 0.1), 3600) : 1) }
}
