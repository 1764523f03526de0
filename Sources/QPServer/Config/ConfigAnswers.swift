// ConfigAnswers.swift
//
// The config hook: values that plugins give in place of files.

import QPActors
import QPHooks

/// What the config handlers of a plugin list say.
struct ConfigAnswers: Sendable {
    private let handlers: [ServerHandler<ConfigEvent, [String]>]

    init(_ tables: [HookTable]) {
        self.handlers = tables.flatMap { $0.server.config.elements.map(\.handler) }
    }

    init(_ generation: Generation) {
        self.handlers = generation.serverChains.config.elements.map(\.handler)
    }

    var isEmpty: Bool { self.handlers.isEmpty }

    /// A file's content with a handler's values in place of its lines, if one has any.
    func content(of name: String, _ file: ConfigContent) -> ConfigContent {
        for handler in self.handlers {
            // A handler that throws has no opinion: the file, or the next source, is asked.
            guard let verdict = try? handler(ConfigEvent(name: name)) else { continue }
            if case .declined = verdict { continue }
            guard let values = verdict.value else { return file }
            var content = file
            content.path = content.path ?? "config hook"
            content.lines = values.enumerated().map { index, value in
                ConfigLine(text: value, file: "config hook (\(name))", number: index + 1)
            }
            content.problems = []
            return content
        }
        return file
    }
}
