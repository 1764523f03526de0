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
    private let input: any ProgramInput
    private let output: ProgramFeed.Output
    private let readsErrors: Bool
    private let timeout: Duration
    private let isCancelled = Atomic<Bool>(false)

    init(_ program: [String], environment: [String], input: [UInt8], limit: Int, timeout: Duration) {
        self.program = program
        self.environment = environment
        self.input = OctetsInput(input)
        self.output = .read(limit: limit)
        self.readsErrors = false
        self.timeout = timeout
    }

    /// Of a program that reads while it is given.
    init(_ feed: ProgramFeed, environment: [String]) {
        self.program = feed.program
        self.environment = environment
        self.input = feed.input
        self.output = feed.output
        self.readsErrors = true
        self.timeout = feed.timeout
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
        let other = try Pipe(self.name)
        let process = try self.spawn(input.reading, other)
        input.closeReading()
        var exchange = Exchange(self.input, self.output, to: input, other: other)
        let isInTime = self.talk(&exchange, process)
        if !isInTime { kill(-process, SIGKILL) }
        var status: Int32 = 0
        let waited = SystemCall.retry { waitpid(process, &status, 0) }
        guard !self.isCancelled.load(ordering: .relaxed) else { throw .failed("\(self.name): cancelled") }
        if let failure = exchange.failure { throw failure }
        guard isInTime else { throw .timedOut(self.name) }
        guard waited == process else { throw .failed("\(self.name): \(SystemCall.text(errno))") }
        return ProgramResult(
            status: qp_exit_status(status), output: exchange.output, tookInput: exchange.hasGivenAll)
    }

    /// - Returns: false if the program has to be ended.
    private func talk(_ exchange: inout Exchange, _ process: pid_t) -> Bool {
        let pidfd = OwnedDescriptor(qp_pidfd_open(process))
        let deadline = MonotonicTime(nanoseconds: SystemCall.monotonic).advanced(by: self.timeout)
        while true {
            let left = deadline.nanoseconds - SystemCall.monotonic
            guard left > 0, exchange.failure == nil, !self.isCancelled.load(ordering: .relaxed) else { return false }
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

    private func spawn(_ input: Int32, _ other: Pipe) throws(EffectError) -> pid_t {
        let output: Int32
        let errors: Int32
        switch self.output {
        case .read:
            output = other.writing
            errors = self.readsErrors ? other.writing : -1
        case .gives:
            output = other.reading
            errors = -1
        }
        var process: pid_t = 0
        let error = Self.withCStrings(self.program) { arguments in
            Self.withCStrings(self.environment) { environment in
                var settings = qp_spawn_settings(
                    arguments: arguments, environment: environment, input: input, output: output,
                    errors: errors, cpu_seconds: UInt64(min(max(0, self.timeout.components.seconds), 86400) + 1),
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
