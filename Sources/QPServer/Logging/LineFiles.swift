// LineFiles.swift
//
// The files of logging plugins, whose names may follow the time and the session.

import Glibc
import QPHooks

/// A line of a logging plugin on its way.
struct PluginLine: Sendable {
    let target: LineTarget
    let text: String
    let level: LogLevel
    let wallTime: Int64
    let session: SessionID?
}

/// The open files of logging plugins. Used by one thread at a time.
struct LineFiles: Sendable {
    private struct OpenFile: Sendable {
        let name: String
        let session: SessionID?
        var stream: StreamDevice
    }

    private var files: [LineTarget: OpenFile] = [:]
    private var standardError = StreamDevice(format: .text)
    private var systemLog: SystemLogSocket?
    /// What went wrong, for standard error; each text once a minute.
    private var problems: [String: Int64] = [:]
    private var lost = 0

    init() {}

    mutating func write(_ line: PluginLine) {
        switch line.target {
        case .standardError: self.standardError.write(line.text + "\n")
        case .file(let pattern, let isReopened):
            let name = TimeFormat(pattern).text(
                line.wallTime, zone: LogFormatter.zone(at: line.wallTime), session: line.session)
            self.write(line, to: name, isReopened: isReopened)
        case .syslog(let ident, let facility):
            let socket = self.systemLog ?? SystemLogSocket()
            self.systemLog = socket
            if !socket.send(SystemLogSocket.datagram(line, ident: ident, facility: facility)) {
                self.complain("the system's log takes no lines", at: line.wallTime)
                self.lost += 1
            }
        }
    }

    private mutating func write(_ line: PluginLine, to name: String, isReopened: Bool) {
        if let file = self.files[line.target], file.name != name || isReopened && file.session != line.session {
            self.forget(line.target)
        }
        if self.files[line.target] == nil {
            do throws(StartError) {
                guard SystemCall.isPath(name) else { throw StartError("log file '\(name)': no path") }
                self.files[line.target] = OpenFile(
                    name: name, session: line.session, stream: try StreamDevice(path: name, format: .text))
            } catch {
                self.complain(error.text, at: line.wallTime)
                self.lost += 1
                return
            }
        }
        self.files[line.target]?.stream.write(line.text + "\n")
    }

    private mutating func complain(_ text: String, at time: Int64) {
        if let last = self.problems[text], time &- last < 60_000_000_000 { return }
        if self.problems.count > 100 { self.problems = [:] }
        self.problems[text] = time
        self.standardError.write("qpserver: \(text.logEscaped)\n")
    }

    private mutating func forget(_ target: LineTarget) {
        self.lost += self.files[target]?.stream.flush() ?? 0
        self.files[target]?.stream.close()
        self.files[target] = nil
    }

    mutating func flush() -> Int {
        for target in self.files.keys { self.lost += self.files[target]?.stream.flush() ?? 0 }
        let lost = self.lost + self.standardError.flush()
        self.lost = 0
        return lost
    }

    /// Closes all files; the next lines open them again.
    mutating func reopen() {
        for target in Array(self.files.keys) { self.forget(target) }
    }
}

/// Where one logging plugin writes.
struct RouterLineOutput: LineOutput {
    let router: LogRouter
    let target: LineTarget

    var zone: Int { LogFormatter.zone(at: SystemCall.wall) }

    func write(_ line: String, for event: LoggingEvent) {
        self.router.write(
            PluginLine(
                target: self.target, text: Self.single(line), level: event.level, wallTime: event.wallTime,
                session: event.session))
    }

    /// Plugins write escaped texts. Whatever one forgot cannot begin a line of its own or steer a terminal.
    static func single(_ line: String) -> String {
        func isControl(_ scalar: Unicode.Scalar) -> Bool {
            scalar.value < 0x20 && scalar != "\t" || (0x7F...0x9F).contains(scalar.value)
                || (0x2028...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
        }
        let line = LogFormatter.cut(line, 4 * LogFormatter.limit)
        guard line.unicodeScalars.contains(where: isControl) else { return line }
        var out = ""
        for scalar in line.unicodeScalars {
            if isControl(scalar) { out += String(scalar).logEscaped } else { out.unicodeScalars.append(scalar) }
        }
        return out
    }
}
