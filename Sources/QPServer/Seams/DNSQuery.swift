// DNSQuery.swift
//
// A question that somebody waits for.

import QPHooks

/// One caller's question: answered, timed out or cancelled, whichever comes first.
final class DNSQuery: Sendable {
    let question: DNSQuestion
    let deadline: MonotonicTime
    private let result = OneResult<DNSAnswer, DNSError>()

    init(_ question: DNSQuestion, deadline: MonotonicTime) {
        self.question = question
        self.deadline = deadline
    }

    var isFinished: Bool { self.result.isFinished }

    func finish(_ result: Result<DNSAnswer, DNSError>) { self.result.finish(result) }

    func answer() async -> Result<DNSAnswer, DNSError> { await self.result.value(cancelled: .temporary("cancelled")) }
}
