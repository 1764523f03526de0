// ProgramRun.swift
//
// A program of the operator's: no shell, nothing inherited, ended at its time limit.

import CLinuxShims
import Glibc
import QPHooks
import Synchronization

/// One run of a program, on a thread that may block.
final class ProgramRun: Sendable {
    private static let fileLimit: UInt64 = 1 << 30

    private let program: [String]
    private let environment: [String]
    private let input: [UInt8]
    private let limit: Int
    private let timeout: Duration
    private let isCancelled = Atomic<Bool>(false)

    init(_ program: [String], environment: [String], input: [UInt8], limit: Int, timeout: Duration) {
        self.program = program
        self.environment = environment
        self.input = input
        self.limit = limit
        self.timeout = timeout
    }

    private var name: String { "program \(self.program.first ?? "")" }

    /// Ends the program soon.
    func cancel() { self.isCancelled.store(true, ordering: .relaxed) }

    func run() throws(EffectError) -> ProgramResult {
        guard let first = self.program.first, SystemCall.isPath(first) else { throw .failed("program: no path") }
        guard !(self.program + self.environment).contains(where: { $0.utf8.contains(0) }) else {
            throw .failed("\(self.name): NUL in an argument")
        }
        // A program that does not read its input must not end the server.
        signal(SIGPIPE, SIG_IGN)
        let input = try Pipe(self.name)
        let output = try Pipe(self.name)
        let process = try self.spawn(input: input.reading, output: output.writing)
        input.closeReading()
        output.closeWriting()

        var exchange = Exchange(input: self.input, limit: self.limit, to: input, from: output)
        let isInTime = self.talk(&exchange, process)
        if !isInTime { kill(-process, SIGKILL) }
        var status: Int32 = 0
        let waited = SystemCall.retry { waitpid(process, &status, 0) }
        guard !self.isCancelled.load(ordering: .relaxed) else { throw .failed("\(self.name): cancelled") }
        guard isInTime else { throw .timedOut(self.name) }
        guard waited == process else { throw .failed("\(self.name): \(SystemCall.text(errno))") }
        return ProgramResult(status: qp_exit_status(status), output: exchange.output)
    }

    /// - Returns: false if the program has to be ended.
    private func talk(_ exchange: inout Exchange, _ process: pid_t) -> Bool {
        let pidfd = OwnedDescriptor(qp_pidfd_open(process))
        let deadline = MonotonicTime(nanoseconds: SystemCall.monotonic).advanced(by: self.timeout)
        while true {
            let left = deadline.nanoseconds - SystemCall.monotonic
            guard left > 0, !self.isCancelled.load(ordering: .relaxed) else { return false }
            // Short enough to see a cancellation, and the end of a program where there is no pidfd.
            exchange.poll(pidfd.number, milliseconds: Int32(clamping: min(100, left / 1_000_000 + 1)))
            // The pipe may stay open in a grandchild: the program's own end is what counts.
            if Self.hasEnded(process) {
                exchange.poll(-1, milliseconds: 0)
                return true
            }
        }
    }

    private static func hasEnded(_ process: pid_t) -> Bool {
        var info = siginfo_t()
        // WNOWAIT leaves the status for whoever waits in earnest.
        let result = waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT)
        return result == -1 || info.si_signo == SIGCHLD
    }

    private func spawn(input: Int32, output: Int32) throws(EffectError) -> pid_t {
        var process: pid_t = 0
        let error = Self.withCStrings(self.program) { arguments in
            Self.withCStrings(self.environment) { environment in
                var settings = qp_spawn_settings(
                    arguments: arguments, environment: environment, input: input, output: output,
                    cpu_seconds: UInt64(min(max(0, self.timeout.components.seconds), 86400) + 1),
                    file_size: Self.fileLimit)
                return qp_spawn(&process, &settings)
            }
        }
        guard error == 0 else { throw .failed("\(self.name): \(SystemCall.text(error))") }
        return process
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = strings.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        pointers.append(nil)
        return pointers.withUnsafeBufferPointer { buffer in
            var end: UnsafeMutablePointer<CChar>?
            guard let base = buffer.baseAddress else { return withUnsafePointer(to: &end, body) }
            return body(base)
        }
    }
}

/// A pipe to or from a program.
private final class Pipe {
    private(set) var reading: Int32
    private(set) var writing: Int32

    init(_ what: String) throws(EffectError) {
        var ends: [Int32] = [-1, -1]
        guard qp_pipe(&ends) == 0 else { throw .failed("\(what): \(SystemCall.text(errno))") }
        self.reading = ends[0]
        self.writing = ends[1]
    }

    func closeReading() {
        if self.reading >= 0 { close(self.reading) }
        self.reading = -1
    }

    func closeWriting() {
        if self.writing >= 0 { close(self.writing) }
        self.writing = -1
    }

    deinit {
        self.closeReading()
        self.closeWriting()
    }
}

/// What goes to a program and what comes from it.
private struct Exchange {
    private let input: [UInt8]
    private let limit: Int
    private let to: Pipe
    private let from: Pipe
    private var sent = 0
    private(set) var output: [UInt8] = []

    init(input: [UInt8], limit: Int, to: Pipe, from: Pipe) {
        self.input = input
        self.limit = limit
        self.to = to
        self.from = from
        for descriptor in [to.writing, from.reading] {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        }
        if input.isEmpty { to.closeWriting() }
    }

    /// Waits for the program and moves what can be moved. A closed end has number -1, which poll leaves out.
    mutating func poll(_ pidfd: Int32, milliseconds: Int32) {
        var waits = [
            pollfd(fd: self.to.writing, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: self.from.reading, events: Int16(POLLIN), revents: 0),
            pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0),
        ]
        _ = Glibc.poll(&waits, nfds_t(waits.count), milliseconds)
        if waits[0].revents != 0 { self.send() }
        if waits[1].revents != 0 { self.receive() }
    }

    private mutating func send() {
        let count = self.input[self.sent...].withUnsafeBytes { bytes in
            SystemCall.retry { write(self.to.writing, bytes.baseAddress, bytes.count) }
        }
        if count > 0 { self.sent += count }
        if self.sent == self.input.count || count < 0 && errno != EAGAIN { self.to.closeWriting() }
    }

    /// Output above the limit is read and forgotten, so that the program can end.
    private mutating func receive() {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = SystemCall.retry { read(self.from.reading, buffer.baseAddress, buffer.count) }
            guard count > 0 else {
                if count == 0 || errno != EAGAIN { self.from.closeReading() }
                return
            }
            self.output.append(contentsOf: buffer.prefix(min(count, self.limit - self.output.count)))
        }
    }
}
