// BatchRun.swift
//
// Asks every server once.

import AsyncHTTPClient
import NIOCore
import QPTelemetry

/// One look at some servers.
struct BatchRun: Sendable {
    var report: BatchReport

    /// What is to be asked: what the view would, with as many rows as are wanted.
    private var needs: [Need] {
        self.report.model.needs.map { need in
            switch need {
            case .sessions(var wish):
                wish.limit = min(max(self.report.limit, 1), 1000)
                wish.offset = 0
                return .sessions(wish)
            case .top(let field, let kind, let query, _):
                return .top(field, kind, query: query, limit: min(max(self.report.limit, 1), 1000))
            default: return need
            }
        }
    }

    /// Asks running servers, all at the same time.
    mutating func ask(_ clients: [AdminClient]) async {
        let (needs, wish, limit) = (self.needs, self.report.model.state.log, self.report.limit)
        let isLog = self.report.model.state.view == .log
        await withTaskGroup(of: (Int, Result<[Answer], LinkProblem>).self) { group in
            for (index, client) in clients.enumerated() {
                group.addTask {
                    do throws(LinkProblem) {
                        var answers: [Answer] = []
                        for need in needs { answers.append(try await client.ask(need)) }
                        if isLog { answers.append(try await client.lines(wish, limit: limit)) }
                        return (index, .success(answers))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            for await (index, result) in group { self.take(index, result) }
        }
    }

    private mutating func take(_ index: Int, _ result: Result<[Answer], LinkProblem>) {
        switch result {
        case .success(let answers):
            self.report.model.snapshot.servers[index].link = .up
            for answer in answers { self.report.model.take(answer, ofServer: index) }
        case .failure(let problem):
            self.report.model.snapshot.servers[index].link = .down(problem.text)
            self.report.failures[index] = problem.text
        }
    }

    /// Asks a saved stream, after its last entry.
    mutating func ask(_ file: ReplayFile, name: String) {
        var server = ReplayServer(name: name)
        for item in file.items { server.take(item) }
        self.report.model.snapshot.now = server.now
        self.report.model.snapshot.servers[0].link = .up
        for need in self.needs {
            if let answer = server.answer(need) { self.report.model.take(answer, ofServer: 0) }
        }
        if self.report.model.state.view == .log {
            let rows = Array(server.lines(self.report.model.state.log).suffix(self.report.limit))
            let wish = StreamWish(purpose: .log, wish: self.report.model.state.log)
            self.report.model.take(.log(wish, rows, lost: server.lost), ofServer: 0)
        }
    }
}

extension ConsoleModel {
    /// Takes an answer that was asked for.
    mutating func take(_ answer: Answer, ofServer index: Int) {
        _ = self.received(.news([News(index, .answer(answer))]))
    }
}

extension AdminClient {
    /// The last lines of the log that there are now.
    func lines(_ wish: LogWish, limit: Int) async throws(LinkProblem) -> Answer {
        let body = try await self.open(AdminRequest(wish, backlog: min(max(limit, 0), 1000)))
        var splitter = LineSplitter()
        var batch = LogBatch()
        do {
            for try await octets in body {
                for line in splitter.take(octets.readableBytesView) { batch.append(line) }
            }
        } catch {
            throw self.problem(error)
        }
        batch.addLost(splitter.takeLost())
        var rows: [LogRow] = []
        var lost: UInt64 = 0
        while !batch.isEmpty {
            let (lines, missing) = batch.take()
            let portion = LogBatch.read(lines, lost: missing)
            rows += portion.rows
            lost &+= portion.lost
        }
        return .log(StreamWish(purpose: .log, wish: wish), rows, lost: lost)
    }
}
