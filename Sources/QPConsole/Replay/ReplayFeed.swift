// ReplayFeed.swift
//
// Plays a saved stream in its own time, or faster.

import QPTelemetry

/// Where a saved stream is being played.
struct ReplayFeed: Sendable {
    private let items: [ReplayItem]
    private var next = 0
    private var server: ReplayServer
    private var toldLines = 0
    private let speed: Double
    private let start: Double
    private var begunAt: Double?
    private var askedAt = -Double.infinity
    private var streams: [StreamWish] = []
    private var needs: [Need] = []
    private(set) var isOver = false

    /// Begins with the first entry. `speed` is seconds of the stream in one second; 0: all of it at once.
    init(_ file: ReplayFile, name: String, speed: Double) {
        self.items = file.items
        self.server = ReplayServer(name: name)
        self.speed = speed.isFinite ? max(speed, 0) : 1
        self.start = file.items.lazy.compactMap(\.time).first { $0.isFinite } ?? 0
    }

    /// The moment of the stream at a moment of ours.
    private func moment(_ now: Double) -> Double {
        guard self.speed > 0 else { return .infinity }
        return self.start + (now - (self.begunAt ?? now)) * self.speed
    }

    /// The moment that was reached.
    var now: Double { max(self.server.now, self.start) }

    /// What is new at a moment of ours.
    mutating func advance(
        to now: Double, _ needs: [Need], _ streams: [StreamWish], interval: Double
    ) -> [News] {
        var news: [News] = []
        if self.begunAt == nil {
            self.begunAt = now
            news.append(News(0, .link(.up)))
        }
        let moment = self.moment(now)
        // Written so that what is no number does not hold up the rest.
        while self.next < self.items.count, !((self.items[self.next].time ?? 0) > moment) {
            self.server.take(self.items[self.next])
            self.next += 1
        }
        if self.next == self.items.count, !self.isOver {
            self.isOver = true
            news.append(News(0, .objection("this is the end of the recording")))
        }
        if now - self.askedAt >= interval || needs != self.needs {
            self.askedAt = now
            self.needs = needs
            news += needs.compactMap { self.server.answer($0) }.map { News(0, .answer($0)) }
        }
        news += self.lines(for: streams)
        return news
    }

    private mutating func lines(for streams: [StreamWish]) -> [News] {
        let isNew = streams != self.streams
        self.streams = streams
        guard isNew || self.server.lines.count > self.toldLines else { return [] }
        let all = self.server.lines.count
        defer { self.toldLines = all }
        return streams.map { stream in
            let rows = self.server.lines(stream.wish).suffix(LogTail.limit)
            return News(0, .answer(.log(stream, Array(rows), lost: 0)))
        }
    }
}
