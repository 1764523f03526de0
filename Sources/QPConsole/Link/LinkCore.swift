// LinkCore.swift
//
// The state of a link: who is asked what, when. Rounds never overlap.

import QPTelemetry

/// Asks a server in rounds, one task after the other; streams have tasks of their own.
actor LinkCore {
    /// Requests of a round that are under way at once.
    private static let width = 4

    let client: AdminClient
    let index: Int
    private let deliver: @Sendable (News) -> Void

    private var wish = LinkWish(needs: [], streams: [], interval: 1)
    /// Needs that were not asked yet.
    private var fresh: [Need] = []
    private var link = LinkState.connecting
    private var backoff = Backoff()
    /// Needs that broke the link: until they are answered, or not wanted any more, it is not whole again.
    private var suspects: [Need] = []
    private var objections: [Need: String] = [:]
    private var startedAt = ContinuousClock.now
    private var dueAt = ContinuousClock.now
    private var sleeper: Task<Void, Never>?

    /// The process that answered last.
    var processId: Int?
    var streams: [StreamWish: Task<Void, Never>] = [:]
    /// Where streams go on.
    var places: [StreamWish: StreamPlace] = [:]

    init(index: Int, client: AdminClient, deliver: @escaping @Sendable (News) -> Void) {
        self.index = index
        self.client = client
        self.deliver = deliver
    }

    /// Works until the task is cancelled.
    func run(_ wishes: AsyncStream<LinkWish>, _ orders: AsyncStream<Order>) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.listen(wishes) }
            group.addTask { await self.carryOut(orders) }
            group.addTask { await self.askInRounds() }
        }
        let streams = Array(self.streams.values)
        self.closeStreams()
        for stream in streams { await stream.value }
    }

    /// Tells something, unless nobody listens any more.
    func tell(_ content: News.Content) {
        guard !Task.isCancelled else { return }
        self.deliver(News(self.index, content))
    }

    /// Takes an answer, and tells it.
    func take(_ answer: Answer) {
        if case .overview(let overview) = answer { self.processId = overview.processId }
        self.tell(.answer(answer))
    }

    // MARK: Wishes and orders

    private func listen(_ wishes: AsyncStream<LinkWish>) async {
        for await wish in wishes {
            let known = Set(self.wish.needs)
            self.fresh = wish.needs.filter { !known.contains($0) || self.fresh.contains($0) }
            let isBroken = !self.suspects.isEmpty
            self.suspects.removeAll { !wish.needs.contains($0) }
            self.objections = self.objections.filter { wish.needs.contains($0.key) }
            let isQuicker = wish.pause < self.wish.pause
            self.wish = wish
            if self.link == .up {
                self.matchStreams()
                if isQuicker { self.dueAt = min(self.dueAt, self.startedAt + wish.pause) }
            } else if isBroken, self.suspects.isEmpty {
                // What broke the link is not asked any more.
                self.dueAt = .now
            }
            self.wake()
        }
    }

    private func carryOut(_ orders: AsyncStream<Order>) async {
        for await order in orders {
            let result = await self.client.perform(order)
            self.tell(.order(order, result))
            if self.link == .up { self.dueAt = .now }
            self.wake()
        }
    }

    private func wake() { self.sleeper?.cancel() }

    // MARK: Rounds

    private func askInRounds() async {
        while !Task.isCancelled {
            if self.link == .up {
                await self.askAgain()
            } else {
                await self.connect()
            }
            await self.pause()
        }
    }

    private var hasWork: Bool { ContinuousClock.now >= self.dueAt || self.link == .up && !self.fresh.isEmpty }

    /// Waits until something is due, or somebody wakes us.
    private func pause() async {
        guard !self.hasWork, !Task.isCancelled else { return }
        let due = self.dueAt
        let sleeper = Task { _ = try? await Task.sleep(until: due, clock: .continuous) }
        self.sleeper = sleeper
        await withTaskCancellationHandler {
            await sleeper.value
        } onCancel: {
            sleeper.cancel()
        }
        self.sleeper = nil
    }

    private func beginRound() {
        self.startedAt = .now
        self.dueAt = self.startedAt + self.wish.pause
    }

    /// The next round, or what is new since the last one.
    private func askAgain() async {
        guard self.hasWork else { return }
        let isRound = ContinuousClock.now >= self.dueAt
        let needs = isRound ? self.wish.needs : self.fresh
        if isRound { self.beginRound() }
        self.fresh = []
        await self.ask(needs)
    }

    /// First who we are and how the server is, then everything else.
    private func connect() async {
        guard ContinuousClock.now >= self.dueAt else { return }
        self.beginRound()
        let gate = [.whoami, .overview] + self.suspects.filter { $0 != .whoami && $0 != .overview }
        guard await self.ask(gate) else { return }
        self.suspects = []
        self.backoff.reset()
        self.change(.up)
        self.matchStreams()
        self.fresh = []
        await self.ask(self.wish.needs.filter { !gate.contains($0) })
    }

    /// Asks some at a time, and tells each answer as it comes. Ends with the first that breaks the link.
    @discardableResult
    private func ask(_ needs: [Need]) async -> Bool {
        let client = self.client
        let failure = await withTaskGroup(
            of: (need: Need, result: Result<Answer, LinkProblem>).self, returning: (Need, LinkProblem)?.self
        ) { group in
            var rest = needs[...]
            func askNext() {
                guard let need = rest.popFirst() else { return }
                group.addTask {
                    do throws(LinkProblem) {
                        return (need, .success(try await client.ask(need)))
                    } catch {
                        return (need, .failure(error))
                    }
                }
            }
            for _ in 0..<Self.width { askNext() }
            for await (need, result) in group {
                if let problem = self.take(need, result) {
                    group.cancelAll()
                    return (need, problem)
                }
                askNext()
            }
            return nil
        }
        guard let (need, problem) = failure, !Task.isCancelled else { return !Task.isCancelled }
        self.broke(problem, by: need)
        return false
    }

    /// - Returns: what breaks the link.
    private func take(_ need: Need, _ result: Result<Answer, LinkProblem>) -> LinkProblem? {
        switch result {
        case .success(let answer):
            self.objections[need] = nil
            self.take(answer)
            return nil
        case .failure(.rejected(_, let text)):
            // Once, not with every round.
            if self.objections.updateValue(text, forKey: need) != text { self.tell(.objection(text)) }
            return nil
        case .failure(let problem):
            return problem
        }
    }

    private func broke(_ problem: LinkProblem, by need: Need) {
        let text = problem.text + "; trying again"
        var wait = Backoff.longest
        switch problem {
        case .refused: self.change(.refused(text))
        case .foreign: self.change(.foreign(text))
        case .unreachable, .rejected:
            wait = self.backoff.next()
            self.change(.down(text))
        }
        if !self.suspects.contains(need), self.wish.needs.contains(need) { self.suspects.append(need) }
        self.closeStreams()
        self.dueAt = .now + .seconds(wait)
    }

    private func change(_ link: LinkState) {
        guard link != self.link else { return }
        self.link = link
        self.tell(.link(link))
    }

    // MARK: Streams

    /// Opens what is wanted, closes what is not.
    private func matchStreams() {
        let wanted = Set(self.wish.streams.filter { $0.server == nil || $0.server == self.index })
        for (wish, task) in self.streams where !wanted.contains(wish) {
            task.cancel()
            self.streams[wish] = nil
        }
        self.places = self.places.filter { wanted.contains($0.key) }
        for wish in wanted where self.streams[wish] == nil {
            self.streams[wish] = Task { await self.follow(wish) }
        }
    }

    private func closeStreams() {
        for task in self.streams.values { task.cancel() }
        self.streams = [:]
    }
}
