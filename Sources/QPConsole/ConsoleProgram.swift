// ConsoleProgram.swift
//
// From the command line to a console, or to a report that is printed once.

import Dispatch
import Glibc
import QPTelemetry
import Synchronization

/// The program, without its command line.
public enum ConsoleProgram {
    /// Runs it, on the main thread and before there is another: only then are signals the console's.
    /// - Returns: the exit status: 0; 1 if a server could not be asked, or the terminal went away; 2 for bad arguments
    ///   and files.
    public static func run(_ options: ConsoleOptions) -> Int32 {
        if !options.isBatch { TerminalEvents.block() }
        do {
            let setup = try ConsoleSetup(options, environment: Self.environment)
            return options.isBatch ? Self.print(setup, options) : try Console.run(setup)
        } catch let problem as UsageProblem {
            return Self.complain(problem.text)
        } catch let problem as FileProblem {
            return Self.complain(problem.text)
        } catch let problem as TerminalError {
            return Self.complain(problem.text)
        } catch let problem as AddressProblem {
            return Self.complain(problem.text)
        } catch {
            return Self.complain("\(error)")
        }
    }

    private static func complain(_ text: String) -> Int32 {
        Self.write(Array("qpconsole: \(ScreenText.plain(text))\n".utf8), to: STDERR_FILENO)
        return 2
    }

    static let environment: [String: String] = {
        var result: [String: String] = [:]
        for name in [
            "HOME", "XDG_CONFIG_HOME", "QPCONSOLE_TOKEN", "NO_COLOR", "TERM", "COLORTERM", "COLUMNS",
        ] {
            if let value = getenv(name) { result[name] = String(cString: value) }
        }
        return result
    }()

    // MARK: Printing

    private static func print(_ setup: ConsoleSetup, _ options: ConsoleOptions) -> Int32 {
        defer { Blocking.run { for client in setup.clients { await client.close() } } }
        guard let format = BatchReport.Format(rawValue: options.format) else {
            return Self.complain("--format is text or json")
        }
        guard (1...1000).contains(options.limit) else { return Self.complain("--limit is 1 to 1000") }
        let columns = options.width ?? Self.environment["COLUMNS"].flatMap { Int($0) } ?? 120
        guard (20...1000).contains(columns) else { return Self.complain("--width is 20 to 1000") }
        var model = setup.model
        model.size = Size(columns, 60)
        model.snapshot.now = Clock.wall
        var run = BatchRun(report: BatchReport(model: model, limit: options.limit))
        if let recording = setup.recording {
            run.ask(recording.file, name: recording.name)
        } else {
            let (begun, clients) = (run, setup.clients)
            run = Blocking.run {
                var run = begun
                await run.ask(clients)
                return run
            }
        }
        var status: Int32 = run.report.failures.isEmpty ? 0 : 1
        let octets: [UInt8]
        switch format {
        case .text:
            let isSilent = run.report.failures.count == model.snapshot.servers.count
            octets = isSilent ? [] : Array((run.report.lines.joined(separator: "\n") + "\n").utf8)
        case .json:
            do {
                octets = try run.report.json() + [0x0A]
            } catch {
                return Self.complain("\(error)")
            }
        }
        if !Self.write(octets, to: STDOUT_FILENO) { status = 1 }
        for problem in run.report.problems + (setup.recording?.file.problems ?? []) {
            Self.write(Array("qpconsole: \(ScreenText.plain(problem))\n".utf8), to: STDERR_FILENO)
        }
        return status
    }

    @discardableResult
    private static func write(_ octets: [UInt8], to file: Int32) -> Bool {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Whoever reads has seen enough (`| head`).
            guard count > 0 else { return errno == EPIPE }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

/// From a thread that waits to tasks.
enum Blocking {
    /// Waits until a task has ended. Not for threads on which tasks run.
    static func run<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) -> Result {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Result?>(nil)
        Task {
            let value = await work()
            result.withLock { $0 = value }
            done.signal()
        }
        while true {
            done.wait()
            if let value = result.withLock({ $0 }) { return value }
        }
    }
}

/// What time it is.
enum Clock {
    /// Seconds since 1970.
    static var wall: Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Seconds of a clock that only goes forward.
    static var steady: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Seconds that clocks here are east of UTC.
    static var zone: Int {
        var now = time(nil)
        var parts = tm()
        guard localtime_r(&now, &parts) != nil else { return 0 }
        return parts.tm_gmtoff
    }
}
