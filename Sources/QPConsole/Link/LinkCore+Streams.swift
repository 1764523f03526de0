// LinkCore+Streams.swift
//
// One stream of the log: opened, read, handed on in portions, opened again where it broke.

import AsyncHTTPClient
import NIOCore
import QPTelemetry
import Synchronization

/// Behind which line a stream goes on, of which process.
struct StreamPlace: Hashable, Sendable {
    var sequence: UInt64
    var processId: Int?
}

extension LinkCore {
    /// How long lines are collected.
    private static let portion = Duration.milliseconds(100)

    /// Keeps a stream open until the task is cancelled, or the server does not want it.
    func follow(_ wish: StreamWish) async {
        var backoff = Backoff()
        var told: String?
        while !Task.isCancelled {
            do throws(LinkProblem) {
                let sequence = try await self.place(of: wish)
                let body = try await self.client.open(AdminRequest(wish.wish, after: sequence))
                told = nil
                let start = ContinuousClock.now
                let problem = await self.read(body, for: wish)
                if ContinuousClock.now - start > Self.portion { backoff.reset() }
                if let problem { throw problem }
            } catch {
                if Task.isCancelled { return }
                switch error {
                case .unreachable: break  // The next round tells.
                case .rejected(_, let text): return self.tell(.objection(text))
                case .refused(let text), .foreign(let text):
                    if told != text { self.tell(.objection(text)) }
                    told = text
                    backoff.exhaust()
                }
            }
            try? await Task.sleep(for: .seconds(backoff.next()))
        }
    }

    /// The line to go on behind. Numbers are worth something to the process only that gave them.
    private func place(of wish: StreamWish) async throws(LinkProblem) -> UInt64? {
        guard let place = self.places[wish] else { return nil }
        self.take(try await self.client.ask(.overview))
        guard place.processId == self.processId else {
            self.places[wish] = nil
            return nil
        }
        return place.sequence
    }

    /// Reads a stream to its end, and hands on all of it.
    private func read(_ body: HTTPClientResponse.Body, for wish: StreamWish) async -> LinkProblem? {
        let inbox = LogInbox()
        let client = self.client
        return await withTaskGroup(of: LinkProblem?.self) { group in
            group.addTask {
                defer { inbox.finish() }
                do {
                    for try await octets in body { inbox.take(octets.readableBytesView) }
                    return nil
                } catch {
                    return client.problem(error)
                }
            }
            group.addTask {
                for await _ in inbox.signals {
                    repeat {
                        // More lines come with this one, as a rule.
                        try? await Task.sleep(for: Self.portion)
                        if Task.isCancelled { return nil }
                        await self.hand(inbox.next(), to: wish)
                    } while !inbox.isEmpty
                }
                return nil
            }
            var problem: LinkProblem?
            for await result in group { problem = problem ?? result }
            return problem
        }
    }

    private func hand(_ portion: LogBatch.Portion, to wish: StreamWish) {
        guard !Task.isCancelled, !portion.rows.isEmpty || portion.lost > 0 else { return }
        if let last = portion.rows.last {
            self.places[wish] = StreamPlace(sequence: last.sequence, processId: self.processId)
        }
        self.tell(.answer(.log(wish, portion.rows, lost: portion.lost)))
    }
}

/// Lines on their way from the task that reads to the one that hands on.
final class LogInbox: Sendable {
    private struct State {
        var splitter = LineSplitter()
        var batch = LogBatch()
    }

    /// Comes when there is something.
    let signals: AsyncStream<Void>
    private let inlet: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    init() {
        (self.signals, self.inlet) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    var isEmpty: Bool { self.state.withLock { $0.batch.isEmpty } }

    func take(_ octets: some Collection<UInt8>) {
        let isEmpty = self.state.withLock { state in
            for line in state.splitter.take(octets) { state.batch.append(line) }
            state.batch.addLost(state.splitter.takeLost())
            return state.batch.isEmpty
        }
        if !isEmpty { self.inlet.yield() }
    }

    func next() -> LogBatch.Portion {
        let (lines, lost) = self.state.withLock { $0.batch.take() }
        return LogBatch.read(lines, lost: lost)
    }

    func finish() { self.inlet.finish() }
}
