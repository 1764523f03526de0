// LinkFixture.swift
//
// What tests of links share.

import QPTelemetry
import Synchronization
import Testing

@testable import QPConsole

/// What a link told.
final class NewsBox: Sendable {
    private let news = Mutex<[News]>([])

    var all: [News] { self.news.withLock { $0 } }

    func take(_ news: News) {
        self.news.withLock { $0.append(news) }
    }

    var links: [LinkState] {
        self.all.compactMap { if case .link(let state) = $0.content { state } else { nil } }
    }

    var objections: [String] {
        self.all.compactMap { if case .objection(let text) = $0.content { text } else { nil } }
    }

    var answers: [Answer] {
        self.all.compactMap { if case .answer(let answer) = $0.content { answer } else { nil } }
    }

    var sequences: [UInt64] {
        self.answers.flatMap { answer -> [UInt64] in
            if case .log(_, let rows, _) = answer { rows.map(\.sequence) } else { [] }
        }
    }

    var lost: UInt64 {
        self.answers.reduce(0) { if case .log(_, _, let lost) = $1 { $0 + lost } else { $0 } }
    }

    func count(_ isWanted: (Answer) -> Bool) -> Int { self.answers.count(where: isWanted) }
}

/// A process that is another one after the first look at its log.
final class ProcessNumber: Sendable {
    private let number = Atomic<Int>(1)

    var value: Int { self.number.load(ordering: .relaxed) }

    func next() -> Int { self.number.exchange(2, ordering: .relaxed) }
}

/// Waits until something holds, at most twenty seconds.
func eventually(_ what: Comment, _ holds: @Sendable () -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while !holds() {
        guard ContinuousClock.now < end else {
            Issue.record(what)
            throw CancellationError()
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

func fakeClient(_ port: Int, token: String? = nil) throws -> AdminClient {
    try AdminClient(.network(host: "127.0.0.1", port: port, isSecure: false), token: token)
}

func logLine(_ sequence: Int) -> String {
    String(decoding: LogBatchTests.line(sequence), as: UTF8.self) + "\n"
}
