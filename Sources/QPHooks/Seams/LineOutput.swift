// LineOutput.swift
//
// Where logging plugins write: never waiting, on any thread.

/// A place for log lines.
public enum LineTarget: Sendable, Hashable {
    /// The standard error.
    case standardError
    /// A file. `path` is a `TimeFormat`, so that its name may change with the time and the session (`%i`); with `reopen`
    /// it is opened again for every connection, else when its name changes and on SIGHUP.
    case file(path: String, reopen: Bool)
}

/// Takes log lines; what cannot be written at once is kept within a bound, and counted beyond it.
public protocol LineOutput: Sendable {
    /// Minutes that local time is ahead of UTC.
    var zone: Int { get }
    /// Takes a line without its line end. The event's time and session are those of a file's name.
    func write(_ line: String, for event: LoggingEvent)
}
