// DNSCache.swift
//
// RFC 1034 §5.3.3, RFC 2308: answers that need not be asked for again.

import QPHooks
import Synchronization

/// Answers, for as long as their senders allow, within a bound. Two halves take turns: what is asked for moves to the
/// young half, and when that is full the old one goes, with all that nobody asked for since.
final class DNSCache: Sendable {
    private struct Entry {
        let result: Result<DNSAnswer, DNSError>
        let end: Int64
        let octets: Int
    }

    private struct State {
        var young: [DNSQuestion: Entry] = [:]
        var old: [DNSQuestion: Entry] = [:]
        /// Octets of the young half.
        var octets = 0
    }

    private let state = Mutex(State())
    private let maxEntries: Int
    private let maxOctets: Int
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - maxEntries: of both halves; 0: nothing is remembered.
    ///   - maxOctets: of names and answers, of both halves.
    ///   - now: nanoseconds on a clock that never goes back.
    init(
        maxEntries: Int = 32_768, maxOctets: Int = 16 << 20,
        now: @escaping @Sendable () -> Int64 = { SystemCall.monotonic }
    ) {
        self.maxEntries = maxEntries
        self.maxOctets = maxOctets
        self.now = now
    }

    /// Answers that are remembered, also those whose time has passed.
    var count: Int { self.state.withLock { $0.young.count + $0.old.count } }

    /// A folded question's answer, if it is known.
    func answer(to question: DNSQuestion) -> Result<DNSAnswer, DNSError>? {
        guard self.maxEntries > 0 else { return nil }
        let now = self.now()
        let (result, garbage) = self.state.withLock { state -> (Result<DNSAnswer, DNSError>?, [DNSQuestion: Entry]) in
            if let entry = state.young[question] {
                guard now >= entry.end else { return (entry.result, [:]) }
                state.young[question] = nil
                state.octets -= entry.octets
            } else if let entry = state.old.removeValue(forKey: question), now < entry.end {
                return (entry.result, self.put(entry, question, &state))
            }
            return (nil, [:])
        }
        // Freed here, where nobody waits for the lock.
        _ = consume garbage
        return result
    }

    /// Remembers an answer for some seconds.
    func keep(_ result: Result<DNSAnswer, DNSError>, of question: DNSQuestion, for seconds: UInt32) {
        guard seconds > 0, self.maxEntries > 0 else { return }
        let entry = Entry(
            result: result, end: self.now() + Int64(seconds) * 1_000_000_000,
            octets: 128 + question.octets + ((try? result.get())?.octets ?? 0))
        guard entry.octets <= self.maxOctets / 8 else { return }
        let garbage = self.state.withLock { state in
            state.old[question] = nil
            return self.put(entry, question, &state)
        }
        _ = consume garbage
    }

    /// - Returns: what has to go.
    private func put(_ entry: Entry, _ question: DNSQuestion, _ state: inout State) -> [DNSQuestion: Entry] {
        var garbage: [DNSQuestion: Entry] = [:]
        if state.young.count >= max(1, self.maxEntries / 2) || state.octets + entry.octets > self.maxOctets / 2 {
            garbage = state.old
            state.old = state.young
            state.young = [:]
            state.octets = 0
        }
        state.octets += entry.octets - (state.young.updateValue(entry, forKey: question)?.octets ?? 0)
        return garbage
    }
}

extension DNSQuestion {
    /// The same question in small letters (RFC 4343 §3) and without a final dot.
    var folded: Self {
        switch self {
        case .a(let name): .a(Self.fold(name))
        case .aaaa(let name): .aaaa(Self.fold(name))
        case .ptr: self
        case .mx(let name): .mx(Self.fold(name))
        case .txt(let name): .txt(Self.fold(name))
        case .ns(let name): .ns(Self.fold(name))
        }
    }

    private static func fold(_ name: String) -> String {
        let bytes = name.utf8
        guard bytes.contains(where: { (0x41...0x5A).contains($0) }) || bytes.last == UInt8(ascii: ".") else {
            return name
        }
        let small = bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return String(decoding: small.last == UInt8(ascii: ".") ? small.dropLast() : small[...], as: UTF8.self)
    }

    fileprivate var octets: Int {
        switch self {
        case .a(let name), .aaaa(let name), .ptr(let name), .mx(let name), .txt(let name), .ns(let name):
            name.utf8.count
        }
    }
}

extension DNSAnswer {
    fileprivate var octets: Int {
        switch self {
        case .addresses(let texts), .names(let texts), .texts(let texts): texts.reduce(0) { $0 + 24 + $1.utf8.count }
        case .exchanges(let exchanges): exchanges.reduce(0) { $0 + 32 + $1.name.utf8.count }
        }
    }
}
