// CaresChannel.swift
//
// The one thread that speaks with c-ares, which knows no threads itself.

import CCares
import CLinuxShims
import Glibc
import QPHooks
import Synchronization

/// A c-ares channel with its sockets and questions.
///
/// Sendable by this invariant: after `init` only the thread that runs `run` touches anything but `cache`, `mailbox`,
/// `wakeUp` and `isStopping`, which are safe by themselves.
final class CaresChannel: @unchecked Sendable {
    /// A question that c-ares has not answered yet, also when none of its askers waits any longer.
    private final class InFlight {
        let question: DNSQuestion
        let channel: CaresChannel
        var askers: [DNSQuery]

        init(_ query: DNSQuery, _ channel: CaresChannel) {
            self.question = query.question
            self.channel = channel
            self.askers = [query]
        }

        func finish(_ status: Int32, _ reply: UnsafeBufferPointer<UInt8>) {
            self.channel.inFlight[self.question] = nil
            let result = DNSReply.result(status, reply, self.question)
            // Before the askers: whoever they tell finds it.
            self.channel.cache.keep(result, of: self.question, for: DNSLifetime.seconds(reply, result))
            for query in self.askers { query.finish(result) }
        }
    }

    static let maxInFlight = 4096
    static let stopped = DNSError.temporary("the resolver stops")
    /// Deadlines are kept to this many nanoseconds.
    private static let tick: Int64 = 20_000_000

    private struct Mailbox {
        var queries: [DNSQuery] = []
        /// The thread has ended; nobody would look again.
        var isClosed = false
    }

    private let cache: DNSCache
    private let mailbox = Mutex(Mailbox())
    private let wakeUp: WakeUp
    private let isStopping = Atomic<Bool>(false)

    private var channel: ares_channel?
    private var sockets: [Int32: Int16] = [:]
    private var inFlight: [DNSQuestion: InFlight] = [:]
    private var deadlines: [Int64: [DNSQuery]] = [:]
    private var lastTick: Int64

    init(servers: [String], firstTimeout: Duration, tries: Int, cache: DNSCache) throws(StartError) {
        self.cache = cache
        for server in servers { try Self.check(server) }
        self.wakeUp = try WakeUp()
        self.lastTick = SystemCall.monotonic / Self.tick
        var options = ares_options()
        // EDNS: longer answers without TCP (RFC 6891 §6.2.5).
        options.flags = Int32(ARES_FLAG_EDNS)
        options.ednspsz = 1232
        options.timeout = Int32(clamping: max(1, firstTimeout.clampedNanoseconds / 1_000_000))
        options.tries = Int32(clamping: max(1, tries))
        options.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()
        options.sock_state_cb = { data, socket, isReadable, isWritable in
            guard let data else { return }
            Unmanaged<CaresChannel>.fromOpaque(data).takeUnretainedValue()
                .watch(socket, isReadable != 0, isWritable != 0)
        }
        let mask =
            Int32(ARES_OPT_FLAGS) | Int32(ARES_OPT_EDNSPSZ) | Int32(ARES_OPT_TIMEOUTMS) | Int32(ARES_OPT_TRIES)
            | Int32(ARES_OPT_SOCK_STATE_CB)
        let status = ares_init_options(&self.channel, &options, mask)
        guard status == 0, let channel = self.channel else {
            throw StartError("resolver: \(String(cString: ares_strerror(status)))")
        }
        guard !servers.isEmpty else { return }
        let set = ares_set_servers_ports_csv(channel, servers.joined(separator: ","))
        guard set == 0 else {
            ares_destroy(channel)
            self.channel = nil
            throw StartError("DNS servers \(servers.joined(separator: ", ")): \(String(cString: ares_strerror(set)))")
        }
    }

    /// c-ares passes over what it cannot read.
    private static func check(_ server: String) throws(StartError) {
        if IPAddress(server) != nil { return }
        guard case .success(let name) = SocketAddressText.parse(server, defaultPort: 53), name.port > 0,
            IPAddress(name.host) != nil
        else { throw StartError("DNS server '\(server)': not ADDR, ADDR:PORT or [ADDR]:PORT") }
    }

    func ask(_ query: DNSQuery) {
        let (isFirst, isClosed) = self.mailbox.withLock { mailbox in
            if !mailbox.isClosed { mailbox.queries.append(query) }
            return (mailbox.queries.count == 1, mailbox.isClosed)
        }
        if isClosed { return query.finish(.failure(Self.stopped)) }
        if isFirst { self.wakeUp.wake() }
    }

    func stop() {
        self.isStopping.store(true, ordering: .releasing)
        self.wakeUp.wake()
    }

    // MARK: The thread

    func run() {
        while !self.isStopping.load(ordering: .acquiring) {
            for query in self.take() { self.start(query) }
            self.expire()
            self.process(self.poll())
        }
        if let channel = self.channel { ares_destroy(channel) }
        self.channel = nil
        for query in self.take(isLast: true) + self.deadlines.values.joined() { query.finish(.failure(Self.stopped)) }
        self.deadlines = [:]
    }

    private func take(isLast: Bool = false) -> [DNSQuery] {
        self.mailbox.withLock { mailbox in
            let queries = mailbox.queries
            mailbox.queries = []
            mailbox.isClosed = isLast
            return queries
        }
    }

    private func start(_ query: DNSQuery) {
        guard let channel = self.channel, !query.isFinished else { return }
        guard let (name, type) = Self.record(query.question) else { return query.finish(.failure(.noSuchName)) }
        if let known = self.cache.answer(to: query.question) { return query.finish(known) }
        let flight = self.inFlight[query.question]
        guard flight != nil || self.inFlight.count < Self.maxInFlight else {
            return query.finish(.failure(.temporary("too many questions at once")))
        }
        self.deadlines[max(query.deadline.nanoseconds / Self.tick, self.lastTick) + 1, default: []].append(query)
        // Asked once for all: each asker keeps a time limit of its own, and may go without taking the answer from others.
        if let flight { return flight.askers.append(query) }
        let begun = InFlight(query, self)
        self.inFlight[query.question] = begun
        // The callback is made exactly once for each call, at the latest when the channel is destroyed.
        let box = Unmanaged.passRetained(begun)
        ares_query(
            channel, name, Int32(ns_c_in.rawValue), type,
            { argument, status, _, bytes, count in
                guard let argument else { return }
                let flight = Unmanaged<InFlight>.fromOpaque(argument).takeRetainedValue()
                let reply = UnsafeBufferPointer(start: bytes.map { UnsafePointer($0) }, count: max(0, Int(count)))
                flight.finish(status, reply)
            }, box.toOpaque())
    }

    private static func record(_ question: DNSQuestion) -> (name: String, type: Int32)? {
        switch question {
        case .a(let name): DNSName.query(name).map { ($0, Int32(ns_t_a.rawValue)) }
        case .aaaa(let name): DNSName.query(name).map { ($0, Int32(ns_t_aaaa.rawValue)) }
        case .ptr(let address): DNSName.pointer(address).map { ($0, Int32(ns_t_ptr.rawValue)) }
        case .mx(let name): DNSName.query(name).map { ($0, Int32(ns_t_mx.rawValue)) }
        case .txt(let name): DNSName.query(name).map { ($0, Int32(ns_t_txt.rawValue)) }
        case .ns(let name): DNSName.query(name).map { ($0, Int32(ns_t_ns.rawValue)) }
        }
    }

    /// Ends the waits whose time is over. c-ares cannot drop one question: it goes on by its own limits, unheard.
    private func expire() {
        // With nothing under way the thread sleeps.
        if self.inFlight.isEmpty { self.deadlines = [:] }
        let now = SystemCall.monotonic / Self.tick
        guard now > self.lastTick else { return }
        // After a long sleep it is cheaper to look at what there is than at every tick since.
        let due =
            now - self.lastTick < 64
            ? (self.lastTick + 1...now).filter { self.deadlines[$0] != nil } : self.deadlines.keys.filter { $0 <= now }
        for tick in due {
            for query in self.deadlines.removeValue(forKey: tick) ?? [] { query.finish(.failure(.timedOut)) }
        }
        self.lastTick = now
    }

    private func watch(_ socket: Int32, _ isReadable: Bool, _ isWritable: Bool) {
        let events = (isReadable ? Int16(POLLIN) : 0) | (isWritable ? Int16(POLLOUT) : 0)
        self.sockets[socket] = events == 0 ? nil : events
    }

    private func poll() -> [pollfd] {
        var waits = [pollfd(fd: self.wakeUp.descriptor.number, events: Int16(POLLIN), revents: 0)]
        for (socket, events) in self.sockets { waits.append(pollfd(fd: socket, events: events, revents: 0)) }
        var timeout: Int32 = self.deadlines.isEmpty ? -1 : Int32(Self.tick / 1_000_000)
        if let channel = self.channel, !self.inFlight.isEmpty {
            var longest = timeval(tv_sec: 1, tv_usec: 0)
            var wait = timeval()
            if let wait = ares_timeout(channel, &longest, &wait)?.pointee {
                let milliseconds = Int32(clamping: wait.tv_sec * 1000 + wait.tv_usec / 1000 + 1)
                timeout = timeout < 0 ? milliseconds : min(timeout, milliseconds)
            }
        }
        _ = Glibc.poll(&waits, nfds_t(waits.count), timeout)
        return waits
    }

    private func process(_ waits: [pollfd]) {
        guard let channel = self.channel else { return }
        if waits.first?.revents != 0 { self.wakeUp.clear() }
        for wait in waits.dropFirst() where wait.revents != 0 {
            // An error shows as readable: reading finds out.
            let isReadable = wait.revents & Int16(POLLIN | POLLERR | POLLHUP) != 0
            let isWritable = wait.revents & Int16(POLLOUT) != 0
            ares_process_fd(channel, isReadable ? wait.fd : -1, isWritable ? wait.fd : -1)
        }
        ares_process_fd(channel, -1, -1)
    }
}
