// MeteredBackend.swift
//
// The counts of one backend: what was asked, what came, what is awaited.

import QPHooks
import QPTelemetry

/// What one backend did so far.
struct MeteredBackend: Sendable {
    private struct Flight: Sendable {
        let start: Int64
        var reading: Int64?
        var writing: Int64?
        /// Whether its time and its result are counted already.
        var isTimed = false
        var isCounted = false
    }

    /// A backend is failing after so many failures on end, or when all there was were failures.
    private static let patience = 3
    private static let maxText = 200

    private(set) var successes: UInt64 = 0
    private(set) var errors: UInt64 = 0
    private(set) var timeouts: UInt64 = 0
    private var requests: UInt64 = 0
    private var failuresOnEnd = 0
    private var lastError: String?
    private var lastErrorAt: Double?
    private var latencies: [UInt32] = []
    private var flights: [UInt64: Flight] = [:]

    var inFlight: Int { self.flights.count }

    /// Does nothing: it is there now.
    mutating func touch() {}

    mutating func begin(_ number: UInt64, _ now: Int64) {
        self.requests &+= 1
        self.flights[number] = Flight(start: now, reading: now)
    }

    mutating func established(_ number: UInt64, _ now: Int64) {
        guard let start = self.flights[number]?.start else { return }
        self.flights[number]?.reading = nil
        self.flights[number]?.isTimed = true
        self.time(from: start, to: now)
    }

    mutating func waits(_ number: UInt64, _ side: ExternalMeters.Side, since now: Int64) {
        switch side {
        case .reading: self.flights[number]?.reading = now
        case .writing: self.flights[number]?.writing = now
        }
    }

    mutating func waited(
        _ number: UInt64, _ side: ExternalMeters.Side, _ result: ExternalMeters.Result, _ wall: Int64
    ) {
        guard var flight = self.flights[number] else { return }
        switch side {
        case .reading: flight.reading = nil
        case .writing: flight.writing = nil
        }
        if result != .ok, !flight.isCounted {
            flight.isCounted = true
            self.count(result, wall)
        }
        self.flights[number] = flight
    }

    mutating func end(_ number: UInt64, _ result: ExternalMeters.Result, _ now: Int64, _ wall: Int64) {
        guard let flight = self.flights.removeValue(forKey: number) else { return }
        if !flight.isTimed, result != .abandoned { self.time(from: flight.start, to: now) }
        if !flight.isCounted { self.count(result, wall) }
    }

    private mutating func time(from start: Int64, to now: Int64) {
        if self.latencies.isEmpty { self.latencies = Array(repeating: 0, count: LatencyScale.count) }
        let bucket = Int(LatencyScale.bucket(of: UInt64(max(0, now.subtractingReportingOverflow(start).partialValue))))
        // Past four milliards the bucket is full.
        if self.latencies[bucket] < .max { self.latencies[bucket] += 1 }
    }

    private mutating func count(_ result: ExternalMeters.Result, _ wall: Int64) {
        switch result {
        case .ok:
            self.successes &+= 1
            self.failuresOnEnd = 0
        case .error(let text):
            self.errors &+= 1
            self.failed(text, wall)
        case .timeout(let text):
            self.timeouts &+= 1
            self.failed(text, wall)
        case .abandoned:
            break
        }
    }

    private mutating func failed(_ text: String, _ wall: Int64) {
        self.failuresOnEnd = min(self.failuresOnEnd + 1, Self.patience)
        // The other side may have had a part in the text.
        self.lastError = String(text.prefix(Self.maxText)).logEscaped
        self.lastErrorAt = Double(wall) / 1e9
    }

    /// What an observer sees; errors and timeouts together.
    func row(_ kind: String, _ name: String, _ now: Int64) -> BackendRow {
        let failures = self.errors &+ self.timeouts
        let isFailing = self.failuresOnEnd >= Self.patience || failures > 0 && self.successes == 0
        let oldest = self.flights.values.flatMap { [$0.reading, $0.writing] }.compactMap(\.self).min()
        let waited = oldest.map { max(0, now.subtractingReportingOverflow($0).partialValue) } ?? 0
        return BackendRow(
            kind: kind, name: name, state: self.requests == 0 ? "unused" : isFailing ? "failing" : "ok",
            inFlight: self.inFlight, oldestWait: Double(waited) / 1e9, requests: self.requests, errors: failures,
            lastError: self.lastError, lastErrorAt: self.lastErrorAt,
            p95: LatencyScale.percentile(0.95, of: self.latencies))
    }
}
