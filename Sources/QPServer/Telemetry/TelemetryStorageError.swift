// TelemetryStorageError.swift
//
// Why trails cannot be kept.

/// What the operator must mend before trails are kept.
package enum TelemetryStorageError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The folder or a file in it cannot be made or used.
    case unusable(path: String, reason: String)
    /// The disk is full or fails, or descriptors ran out: worth another try.
    case failing(path: String, reason: String)
    /// Another process has the folder; its number, if it left one.
    case inUse(path: String, process: Int32?)
    /// A database of another program.
    case foreign(path: String)
    /// A database that a later version of the server wrote.
    case newer(path: String, version: Int64)

    package var description: String {
        switch self {
        case .unusable(let path, let reason), .failing(let path, let reason):
            "\(path): \(reason)"
        case .inUse(let path, let process):
            "\(path): in use by another process\(process.map { " (\($0))" } ?? "")"
        case .foreign(let path):
            "\(path): a database of another program"
        case .newer(let path, let version):
            "\(path): written by a later version of qpserver (format \(version), this one knows \(TrailFile.version))"
        }
    }
}
