// RouterLogHandler.swift
//
// Lines of the libraries that use swift-log.

package import Logging
import QPHooks

/// Hands lines of swift-log to the router.
package struct RouterLogHandler: LogHandler {
    package var logLevel = Logger.Level.debug
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let router: LogRouter
    private let label: String

    /// Hands on the lines of a library; the label is empty for the server itself.
    package init(_ router: LogRouter, label: String) {
        self.router = router
        self.label = label
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let level = Self.level(event.level)
        guard self.router.accepts(level, plugin: nil) else { return }
        var all = self.metadata
        if let provided = self.metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        var fields = all.sorted { $0.key < $1.key }.map { (name: $0.key, value: "\($0.value)") }
        if let error = event.error { fields.append((name: "error", value: "\(error)")) }
        if !self.label.isEmpty { fields.append((name: "logger", value: self.label)) }
        self.router.write(level, event.message.description, fields: fields)
    }

    private static func level(_ level: Logger.Level) -> LogLevel {
        switch level {
        case .trace, .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}

extension LogRouter {
    /// A logger for libraries.
    package func logger(_ label: String) -> Logger {
        Logger(label: label) { RouterLogHandler(self, label: $0) }
    }
}
