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
    /// The system's log, under a name and a facility (`mail`, `daemon`, `local0`, ...). A line has its event's level.
    case syslog(ident: String, facility: String)

    /// The facilities there are, by name, with their numbers (RFC 5424 §6.2.1).
    public static let facilities: [String: Int] = [
        "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8,
        "cron": 9, "authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20,
        "local5": 21, "local6": 22, "local7": 23,
    ]
}

/// Takes log lines; what cannot be written at once is kept within a bound, and counted beyond it.
public protocol LineOutput: Sendable {
    /// Minutes that local time is ahead of UTC.
    var zone: Int { get }
    /// Takes a line without its line end. The event's time and session are those of a file's name.
    func write(_ line: String, for event: LoggingEvent)
}
